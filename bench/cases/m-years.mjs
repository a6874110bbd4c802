/**
 * m: five years of contents in the ledger: does ingesting get slower, how large is the state before and after it is pruned,
 * and does a claim wait while it is?
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openState } from '../../dist/src/ledger/open-state.js';
import { atLeast, atMost, medianOf, ratioOf } from '../harness/bars.mjs';
import { filesBelow } from '../harness/correct.mjs';
import { makeSmall, quietForASecond } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { measured } from '../harness/run.mjs';
import { rowOf } from '../harness/sitting.mjs';
import { percentile } from '../harness/statistics.mjs';
import { inWorld } from '../harness/world.mjs';
import { bytesOfRows, fillYears, forgetOld, YEARS_DAYS } from '../harness/years.mjs';
import { bin, ingest, statePath } from '../peers/product.mjs';

/** Ingested in each run. */
const BATCH = 20_000;
/** So many contents have their jobs, and are pruned by `ingest-ctl prune`; the others at once, by hand. */
const PRUNED_MAX = 1_000_000;
const ENDED_MS_AGO = 86_400_000;
const KEEP = ['--keep-history', '1h'];
/** Somebody who asks for the state as often as a worker claims. */
const ASKED_EVERY_MS = 5;

let made = 0;

/** Ingests a batch of new files, while somebody asks for the state. */
async function ingested(world, flags = []) {
  const from = 20_000_000 + made;
  made += BATCH;
  makeSmall(world.input, BATCH, { from });
  world.settle();
  await quietForASecond();
  const before = filesBelow(world.warehouse).length;
  const stop = await asking(statePath(world));
  const { seconds } = await measured(ingest(world, '--once', ...flags), { log: world.log, sample: false });
  const waits = await stop();
  const stored = filesBelow(world.warehouse).length - before;
  if (stored !== BATCH) throw new Error(`${stored} of ${BATCH} files were stored`);
  return { filesPerS: BATCH / seconds, ...waitsOf(waits) };
}

/** What a claim waits for is the right to write: asked for again and again, written is nothing. */
async function asking(path) {
  const backend = await openState({ statePath: path, title: 'bench', maxAttempts: 8 });
  const waits = [];
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const from = performance.now();
      await backend.transact(() => {});
      waits.push(performance.now() - from);
      await sleep(ASKED_EVERY_MS);
    }
  })();
  return async () => {
    isOver = true;
    await done;
    await backend.close();
    return waits;
  };
}

const waitsOf = (waits) => ({
  waitP99Ms: percentile(waits, 0.99),
  waitMaxMs: waits.reduce((longest, ms) => Math.max(longest, ms), 0),
});

/** Of all the oldest PRUNED_MAX, to the day. */
function prune(world, files) {
  const days = Math.ceil(Math.max(0, 1 - PRUNED_MAX / files) * YEARS_DAYS) + 1;
  return { file: bin('ingest-ctl'), args: ['prune', '--state-path', statePath(world), '--keep-history', `${days}d`] };
}

/** In the copy that a backup is, no page is half empty. */
async function compactBytes(world) {
  const to = join(world.base, 'copy.db');
  const args = ['backup', to, '--state-path', statePath(world)];
  await measured({ file: bin('ingest-ctl'), args }, { sample: false });
  return bytesOfRows(to).hashBytes;
}

export default {
  title: 'Five years',
  columns: [
    { key: 'filesPerS', label: 'files/s ingested' },
    { key: 'waitP99Ms', label: 'wait for the state, p99 ms' },
    { key: 'waitMaxMs', label: 'longest ms' },
    { key: 'recordBytes', label: 'bytes a record' },
    { key: 'jobBytes', label: 'bytes a job' },
    { key: 'hashBytes', label: 'bytes a pruned content' },
    { key: 'compactBytes', label: 'in a backup' },
    { key: 'prunedPerS', label: 'pruned a second, with their jobs' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },

  async run(options, tell) {
    const files = filesOf(options, 20_000_000);
    const rounds = roundsOf({ rounds: options.rounds ?? 3 }, files);
    const row = (id, title) => rowOf({ id, title, kind: 'product' });
    const empty = row('product-empty', 'nothing in the ledger');
    const emptyThen = row('product-empty-then', 'nothing in the ledger, in turn with the last one');
    const full = row('product-full', 'five years of records and jobs');
    const pruning = row('product-pruning', 'the same, and it is being pruned');
    const alone = row('product-alone', 'ingest-ctl prune of all that, by itself');
    const pruned = row('product-pruned', 'after that: hashes alone');
    const note = (to, run) => {
      to.runs.push(run);
      tell(`  ${to.title}: ${JSON.stringify(run)}`);
    };
    await inWorld(options, async (small) => {
      await ingested(small);
      await inWorld(options, async (world) => {
        await ingested(world);
        fillYears(statePath(world), { contents: files, jobs: Math.min(files, PRUNED_MAX), endedMsAgo: ENDED_MS_AGO });
        const sizes = bytesOfRows(statePath(world));
        tell(`  filled: ${JSON.stringify(sizes)}`);
        for (let n = 0; n < rounds; n++) {
          note(empty, await ingested(small));
          note(full, { ...(await ingested(world)), ...sizes });
          note(pruning, await ingested(world, KEEP));
        }
        const stop = await asking(statePath(world));
        const { seconds } = await measured(prune(world, files), { log: world.log, sample: false });
        note(alone, { ...waitsOf(await stop()), prunedPerS: Math.min(files, PRUNED_MAX) / seconds });
        forgetOld(statePath(world), Date.now() - ENDED_MS_AGO);
        const { hashBytes } = bytesOfRows(statePath(world));
        const left = { hashBytes, compactBytes: await compactBytes(world) };
        for (let n = 0; n < rounds; n++) {
          note(emptyThen, await ingested(small));
          note(pruned, { ...(await ingested(world)), ...left });
        }
      });
    });
    return { files, rounds, rows: [empty, full, pruning, alone, emptyThen, pruned], unit: 'contents' };
  },

  bars: ({ rows }) => [
    atLeast(
      'of the speed of an empty state, with five years of records',
      0.9,
      ratioOf(rows, 'product-full', 'product-empty', 'filesPerS'),
    ),
    atLeast(
      'of the speed of an empty state, pruned',
      0.9,
      ratioOf(rows, 'product-pruned', 'product-empty-then', 'filesPerS'),
    ),
    atMost(
      'ms that a claim waits while it is pruned, at the longest',
      100,
      medianOf(rows, 'product-pruning', 'waitMaxMs'),
    ),
    atMost('ms beside ingest-ctl prune', 100, medianOf(rows, 'product-alone', 'waitMaxMs')),
    atMost('bytes of a pruned content', 50, medianOf(rows, 'product-pruned', 'hashBytes')),
    atMost('bytes of a pruned content, in a backup', 45, medianOf(rows, 'product-pruned', 'compactBytes')),
  ],
};
