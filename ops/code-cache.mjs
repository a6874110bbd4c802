/**
 * Makes the code cache of one use of dist/program.cjs: `node ops/code-cache.mjs USE MODULE`, by ops/bundle.mjs. What is
 * answered at once is run on an empty state, other commands are asked for their help, of a child its role is loaded.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openState } from '../dist/src/ledger/open-state.js';

const { PROGRAM, compiled, load } = createRequire(import.meta.url)('../bin/bundled.cjs');
const [use, module] = process.argv.slice(2);
const place = mkdtempSync(join(tmpdir(), 'ingest-build-'));
const statePath = join(place, 'state.db');
const ON_STATE = { 'queue-stat': [], 'ingest-ctl': ['held'] };

const script = compiled(use);
const { modules } = load(script);
const loaded = await modules[module]();
if (module.startsWith('commands/')) {
  const run = loaded[use.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())];
  process.stdout.write = () => true;
  if (use in ON_STATE) await (await openState({ statePath, title: 'build' })).close();
  await run(use in ON_STATE ? [...ON_STATE[use], '--state-path', statePath] : ['--help']);
} else await modules['supervise/child']();
writeFileSync(`${PROGRAM}.${use}`, script.createCachedData());
rmSync(place, { recursive: true });
process.exit(0);
