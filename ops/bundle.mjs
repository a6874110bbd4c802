/**
 * The last step of the build: makes one file of a command that is answered at once, for bin/bundled.cjs, and V8's code
 * cache of it, taken behind a run on an empty state, so that it holds what a run compiles.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { openState } from '../dist/src/ledger/open-state.js';

const { compiled, load } = createRequire(import.meta.url)('../bin/bundled.cjs');
const COMMANDS = fileURLToPath(new URL('../dist/src/commands/', import.meta.url));

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

await build({
  stdin: {
    contents: `export { queueStat } from './queue-stat.js'; export { runCommand } from './console.js';`,
    resolveDir: COMMANDS,
  },
  outfile: join(COMMANDS, 'queue-stat.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // Native ones, and what a look does not load.
  external: ['better-sqlite3', '@koromix/*', '*.node', 'better-queue', 'yaml'],
  define: { 'import.meta': 'importMeta' },
  banner: { js: `const importMeta = { url: require('node:url').pathToFileURL(__filename).href };` },
  // Names stay, for the stack of a bug.
  minifySyntax: true,
  legalComments: 'linked',
  plugins: [withoutLicences],
});

const place = mkdtempSync(join(tmpdir(), 'ingest-build-'));
const statePath = join(place, 'state.db');
await (await openState({ statePath, title: 'build' })).close();
const { script, filename } = compiled('queue-stat');
process.stdout.write = () => true;
await load({ script, filename }).queueStat(['--state-path', statePath]);
writeFileSync(`${filename}.cache`, script.createCachedData());
rmSync(place, { recursive: true });
