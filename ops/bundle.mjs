/**
 * The last step of the build: makes one file of the program, for bin/bundled.cjs, and V8's code caches of it: one for each
 * command and each role of a child, taken behind a run, so that it holds what a run compiles (ops/code-cache.mjs).
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NODE_FLAGS } from '../dist/src/supervise/supervised.js';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const COMMANDS = readdirSync(new URL('../bin/', import.meta.url)).filter((name) => !name.includes('.'));
const ROLES = { worker: 'stages/run', producer: 'producer/run', dashboard: 'dashboard/run', notifier: 'alarms/run' };
const MODULES = [...COMMANDS.map((name) => `commands/${name}`), 'supervise/child', ...Object.values(ROLES)];

const EXTERNAL = [
  // Native ones.
  ...['better-sqlite3', '@koromix/*', '*.node'],
  // Loaded where it is used only.
  ...['fastify', '@fastify/static', 'prom-client', 'yaml', 'fzstd'],
  // What bunyan tries to load, and does without.
  ...['dtrace-provider', 'mv', 'source-map-support', 'moment'],
];

/** meow evaluates the licence tables of a package.json's check at its import; it is given no package.json to check. */
const withoutLicences = {
  name: 'without-licences',
  setup({ onLoad }) {
    onLoad({ filter: /meow\/build\/dependencies\.js$/ }, ({ path }) => {
      const before = readFileSync(path, 'utf8');
      const contents = before.replace(/^var normalizeExports = requireNormalize\(\);$/m, 'var normalizeExports = {};');
      if (contents === before) throw new Error(`${path} has no line that calls requireNormalize: look at it anew`);
      return { contents, loader: 'js' };
    });
  },
};

/** A module of ours that asks where it lies is told so: its threads and files lie beside it, not beside the one file. */
const whereModulesLie = {
  name: 'where-modules-lie',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/(src|queue)\/.*\.js$/ }, ({ path }) => {
      const url = `new URL(${JSON.stringify(relative(DIST, path))}, importMeta.url).href`;
      const contents = readFileSync(path, 'utf8').replaceAll('import.meta.url', url);
      return { contents, loader: 'js' };
    });
  },
};

await build({
  stdin: {
    contents: [
      `export { runCommand } from './src/commands/console.js';`,
      'export const modules = {',
      ...MODULES.map((name) => `  '${name}': () => import('./src/${name}.js'),`),
      '};',
    ].join('\n'),
    resolveDir: DIST,
  },
  outfile: `${DIST}program.cjs`,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: EXTERNAL,
  define: { 'import.meta': 'importMeta' },
  banner: { js: `const importMeta = { url: require('node:url').pathToFileURL(__filename).href };` },
  // Names stay, for the stack of a bug.
  minifySyntax: true,
  legalComments: 'linked',
  plugins: [withoutLicences, whereModulesLie],
});

/** V8 takes a cache only with the flags that it was made with. */
function makeCache(use, module, flags = []) {
  const script = fileURLToPath(new URL('code-cache.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [...flags, script, use, module], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no code cache of ${use} can be made: ${stderr}`);
}
for (const name of COMMANDS) makeCache(name, `commands/${name}`);
for (const [role, module] of Object.entries(ROLES)) makeCache(role, module, NODE_FLAGS[role]);
