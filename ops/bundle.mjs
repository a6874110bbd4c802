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
  ...['@koromix/*', '*.node', 'better-sqlite3'],
  // Loaded where it is used only.
  ...['fastify', '@fastify/static', 'prom-client', 'yaml', 'fzstd'],
  // What bunyan tries to load, and does without.
  ...['dtrace-provider', 'mv', 'source-map-support', 'moment'],
];

/**
 * What meow evaluates at its import for reading a package.json (tables of licences, a highlighter of wrong JSON, what runs
 * git): it is given none to read.
 */
const PACKAGE_READING = [
  ['var normalizeExports = requireNormalize();', 'var normalizeExports = {};'],
  ['var libExports = requireLib$1();', 'var libExports = {};'],
  ['promisify(execFile);', ''],
];
const withoutPackageReading = {
  name: 'without-package-reading',
  setup({ onLoad }) {
    onLoad({ filter: /meow\/build\/dependencies\.js$/ }, ({ path }) => {
      let contents = readFileSync(path, 'utf8');
      for (const [line, instead] of PACKAGE_READING) {
        if (!contents.includes(`\n${line}\n`)) throw new Error(`${path} has no line "${line}": look at it anew`);
        contents = contents.replace(`\n${line}\n`, () => `\n${instead}\n`);
      }
      return { contents, loader: 'js' };
    });
  },
};

/**
 * The native ones look for their binaries in many places; here they begin with the one where they are. A program that cannot
 * load them is started out of its modules.
 */
const NATIVE = [
  [
    /koffi\/src\/koffi\/index\.c?js$/,
    'loadStatic(pkg) ??',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is one in koffi
    'require(`@koromix/koffi-${pkg}/${triplets[0]}/koffi.node`) ??',
  ],
];
const nativeAtOnce = {
  name: 'native-at-once',
  setup({ onLoad }) {
    for (const [filter, search, direct] of NATIVE)
      onLoad({ filter }, ({ path }) => {
        const before = readFileSync(path, 'utf8');
        if (!before.includes(search)) throw new Error(`${path} has no "${search}": look at it anew`);
        return { contents: before.replace(search, () => direct), loader: 'js' };
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
    target: 'node22',
    format: 'cjs',
    external: EXTERNAL,
    define: { 'import.meta': 'importMeta' },
    banner: { js: `const importMeta = { url: require('node:url').pathToFileURL(__filename).href };` },
    // Names stay, for the stack of a bug.
    minifySyntax: true,
    legalComments: 'linked',
    plugins: [withoutPackageReading, nativeAtOnce, whereModulesLie],
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
