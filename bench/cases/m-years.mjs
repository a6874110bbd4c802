/**
 * m: five years of contents in the ledger: does ingesting get slower, how large is the state before and after it is pruned,
 * and does a claim wait while it is?
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { openState } from '../../dist/src/ingest/ledger/open-state.js';
import { filesBelow } from '../harness/correct.mjs';
import { makeSmall, quietForASecond } from '../harness/inputs.mjs';
import { locked } from '../harness/locking.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { measured } from '../harness/run.mjs';
import { rowOf } from '../harness/sitting.mjs';
import { percentile } from '../harness/statistics.mjs';
import { inWorld } from '../harness/world.mjs';
import { bytesOfRows, fillYears, forgetOld } from '../harness/years.mjs';
import { bin, ingest, statePath } from '../peers/product.mjs';

/** Ingested in each run, behind others that are not timed: a state in use has what it needs in memory, one that rested reads it first. */
const BATCH = 50_000;
const WARM = 20_000;
/** So many contents have their jobs. What is not pruned within the rounds goes at once, by hand. */
const JOBS_MAX = 1_000_000;
const ENDED_MS_AGO = 86_400_000;
const ALONE_MS = 20_000;
const PRUNER = join(import.meta.dirname, '../harness/pruner.mjs');
/** Somebody who asks for the state as often as a worker claims. */
const ASKED_EVERY_MS = 5;

let made = 0;

/** Ingests a batch of new files, while somebody asks for the state; `beside`: while that is done, too. */
async function ingested(world, beside) {
  await dropped(world, WARM);
  await measured(ingest(world, '--once'), { log: world.log, sample: false });
  await dropped(world, BATCH);
  const before = filesBelow(world.warehouse).length;
  const besides = beside?.(world);
  const stop = await asking(statePath(world));
  const { seconds } = await measured(ingest(world, '--once'), { log: world.log, sample: false });
  const waits = await stop();
  const told = await besides?.end();
  const stored = filesBelow(world.warehouse).length - before;
  if (stored !== BATCH) throw new Error(`${stored} of ${BATCH} files were stored`);
  return { filesPerS: BATCH / seconds, ...waitsOf(waits), ...told };
}

async function dropped(world, files) {
  const from = 20_000_000 + made;
  made += files;
  makeSmall(world.input, files, { from });
  world.settle();
  await quietForASecond();
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

/** Prunes, as a producer does; `restTimes` 1: as `ingest-ctl prune` does. `end` answers what it did. */
function pruning(world, restTimes) {
  const child = spawn(process.execPath, [PRUNER, statePath(world), String(ENDED_MS_AGO / 2), String(restTimes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = text(child.stdout);
  return {
    async end() {
      child.kill('SIGTERM');
      const { jobs, records, seconds, ...holds } = JSON.parse(await told);
      if (records === 0) throw new Error('nothing was pruned meanwhile');
      return { prunedPerS: (jobs + records) / seconds, ...holds };
    },
  };
}

/** While nobody ingests. */
async function prunedAlone(world) {
  const stop = await asking(statePath(world));
  const { end } = pruning(world, 1);
  await sleep(ALONE_MS);
  const told = await end();
  return { ...waitsOf(await stop()), ...told };
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
    { key: 'prunedPerS', label: 'pruned a second' },
    { key: 'lockP99Ms', label: 'a prune keeps the state, p99 ms' },
    { key: 'lockMaxMs', label: 'longest ms' },
    { key: 'checkpointMaxMs', label: 'its longest checkpoint, ms' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },

  async run(options, tell) {
    const files = filesOf(options, 20_000_000);
    const rounds = roundsOf({ rounds: options.rounds ?? 3 }, files);
    const row = (id, title) => rowOf({ id, title, kind: 'product' });
    const empty = row('product-empty', 'nothing in the ledger');
    const emptyThen = row('product-empty-then', 'nothing in the ledger, in turn with the last one');
    const full = row('product-full', 'five years of records and jobs');
    const beside = row('product-pruning', 'the same, and it is being pruned');
    const alone = row('product-alone', 'pruned by ingest-ctl, nothing is ingested');
    const pruned = row('product-pruned', 'after that: hashes alone');
    const note = (to, run) => {
      to.runs.push(run);
      tell(`  ${to.title}: ${JSON.stringify(run)}`);
    };
    const timed = (act) => locked(options.lock, 'exclusive', act);
    const making = (act) => locked(options.lock, 'shared', act);
    await inWorld(options, async (small) => {
      await inWorld(options, async (world) => {
        const sizes = await making(async () => {
          await ingested(small);
          await ingested(world);
          fillYears(statePath(world), { contents: files, jobs: Math.min(files, JOBS_MAX), endedMsAgo: ENDED_MS_AGO });
          return bytesOfRows(statePath(world));
        });
        tell(`  filled: ${JSON.stringify(sizes)}`);
        await timed(async () => {
          for (let n = 0; n < rounds; n++) {
            note(empty, await ingested(small));
            note(full, { ...(await ingested(world)), ...sizes });
            note(beside, await ingested(world, (of) => pruning(of, 4)));
          }
          note(alone, await prunedAlone(world));
        });
        const left = await making(async () => {
          forgetOld(statePath(world), Date.now() - ENDED_MS_AGO / 2);
          const { hashBytes } = bytesOfRows(statePath(world));
          return { hashBytes, compactBytes: await compactBytes(world) };
        });
        await timed(async () => {
          for (let n = 0; n < rounds; n++) {
            note(emptyThen, await ingested(small));
            note(pruned, { ...(await ingested(world)), ...left });
          }
        });
      });
    });
    return { files, rounds, rows: [empty, full, beside, alone, emptyThen, pruned], unit: 'contents' };
  },
};
