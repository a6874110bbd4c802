/**
 * Makes the code cache of one use of a program in dist/program: `node ops/code-cache.mjs PROGRAM USE`, by ops/bundle.mjs. What
 * is answered at once is run on an empty state, other commands are asked for their help, of a child its role is loaded.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openState } from '../dist/src/ledger/open-state.js';

const { cachePath, compiled, load, requireLater } = createRequire(import.meta.url)('../bin/bundled.cjs');
const [program, use] = process.argv.slice(2);
const place = mkdtempSync(join(tmpdir(), 'ingest-build-'));
const statePath = join(place, 'state.db');
const ON_STATE = { 'queue-stat': [], 'ingest-ctl': ['held'] };

const script = compiled(program, use);
if (program === 'child') {
  const { roles, start } = load(program, script);
  await roles[use]();
  await start();
} else {
  const loaded = load(program, script, requireLater());
  const run = loaded[use.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())];
  if (use in ON_STATE) await (await openState({ statePath, title: 'build' })).close();
  await run(use in ON_STATE ? [...ON_STATE[use], '--state-path', statePath] : ['--help']);
}
writeFileSync(cachePath(use), script.createCachedData());
rmSync(place, { recursive: true });
process.exit(0);
