/**
 * The last step of the build: makes one file of each command, and one of the children of a parent, for bin/bundled.cjs; and
 * V8's code caches of them: one for each command and each role of a child, taken behind a run, so that it holds what a run
 * compiles (ops/code-cache.mjs).
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { NODE_FLAGS } from '../dist/src/supervise/supervised.js';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const PROGRAMS = join(DIST, 'program');
const COMMANDS = readdirSync(new URL('../bin/', import.meta.url)).filter((name) => !name.includes('.'));
const ROLES = { worker: 'stages/run', producer: 'producer/run', dashboard: 'dashboard/run', notifier: 'alarms/run' };

const EXTERNAL = [
  // Native ones.
  ...['@koromix/*', '*.node'],
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

/** Its binary is asked for at once, where it lies: a program that cannot load it is started out of its modules. */
const nativeAtOnce = {
  name: 'native-at-once',
  setup({ onLoad }) {
    onLoad({ filter: /better-sqlite3\/lib\/database\.js$/ }, ({ path }) => {
      const before = readFileSync(path, 'utf8');
      const contents = before
        .replace(
          'let DEFAULT_ADDON;',
          "const DEFAULT_ADDON = require('better-sqlite3/build/Release/better_sqlite3.node');",
        )
        .replace("DEFAULT_ADDON || (DEFAULT_ADDON = require('bindings')('better_sqlite3.node'))", 'DEFAULT_ADDON');
      if (/bindings|let DEFAULT_ADDON/.test(contents))
        throw new Error(`${path} loads its binary in another way: look at it anew`);
      return { contents, loader: 'js' };
    });
  },
};

/** A module of ours that asks where it lies is told so: its threads and files lie beside it, not beside the one file. */
const whereModulesLie = {
  name: 'where-modules-lie',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/(src|queue)\/.*\.js$/ }, ({ path }) => {
      const url = `new URL(${JSON.stringify(relative(PROGRAMS, path))}, importMeta.url).href`;
      const contents = readFileSync(path, 'utf8').replaceAll('import.meta.url', url);
      return { contents, loader: 'js' };
    });
  },
};

const bundle = (name, contents) =>
  build({
    stdin: { contents, resolveDir: DIST },
    outfile: join(PROGRAMS, `${name}.cjs`),
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
    plugins: [withoutLicences, nativeAtOnce, whereModulesLie],
  });

await Promise.all([
  ...COMMANDS.map((name) =>
    bundle(name, `export * from './src/commands/console.js'; export * from './src/commands/${name}.js';`),
  ),
  bundle(
    'child',
    `export const start = () => import('./src/supervise/child.js');
    export const roles = {${Object.entries(ROLES).map(([role, module]) => `${role}: () => import('./src/${module}.js')`)}};`,
  ),
]);

/** V8 takes a cache only with the flags that it was made with. */
function makeCache(program, use, flags = []) {
  const script = fileURLToPath(new URL('code-cache.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [...flags, script, program, use], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no code cache of ${use} can be made: ${stderr}`);
}
for (const name of COMMANDS) makeCache(name, name);
for (const role of Object.keys(ROLES)) makeCache('child', role, NODE_FLAGS[role]);
