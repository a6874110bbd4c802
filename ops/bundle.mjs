/** Makes one file of each program of src/programs, for bin/: two hundred modules take several times as long to load. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const PROGRAMS = `${DIST}src/programs/`;

const EXTERNAL = [
  // Native ones.
  ...['better-sqlite3', 'koffi'],
  // Loaded where they are used only.
  ...['@aws-sdk/client-s3', 'fastify', '@fastify/static', 'pg', 'prom-client', 'yaml'],
  // Optional modules that bunyan tries to load.
  ...['dtrace-provider', 'mv', 'source-map-support', 'moment'],
];

await build({
  entryPoints: readdirSync(PROGRAMS)
    .filter((name) => name.endsWith('.js'))
    .map((name) => PROGRAMS + name),
  outdir: `${DIST}program`,
  outExtension: { '.js': '.cjs' },
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
});
