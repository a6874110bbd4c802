/**
 * Twins of a content through arrivals, holds, retries, discards and deaths in any order: a content never has two carriers,
 * never two files or two lines, and never hangs without a job that says why.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { stagesUsed } from '../../../src/base/config/values/stage-names.js';
import type { JobFacts } from '../../../src/ingest/rules/facts.js';
import { discardJobs } from '../../../src/tools/exceptions/discard.js';
import { assertCarriers, type CarrierJob, givenUp, jobsOf } from '../../world/carriers.js';
import { holdReady } from '../../world/hand.js';
import { Bench } from './bench.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env.RUNS ?? 60);
// A death here does not mean the machine's: memory serves as well as a disk, and is ten times as fast.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';
const STAGES = stagesUsed([]);

type Act =
  | { act: 'drive'; upTo: number; straight: boolean }
  | { act: 'arrive'; content: number }
  | { act: 'work'; stage: string; max: number; diesAt?: number; straight: boolean }
  | { act: 'hold' | 'retry' | 'discard'; which: number };

const anAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('arrive' as const), content: fc.nat(2) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      act: fc.constant('drive' as const),
      upTo: fc.integer({ min: 1, max: 3 }),
      straight: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('work' as const),
      stage: fc.constantFrom(...STAGES),
      max: fc.integer({ min: 1, max: 4 }),
      straight: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('work' as const),
      stage: fc.constantFrom(...STAGES),
      max: fc.integer({ min: 1, max: 4 }),
      diesAt: fc.integer({ min: 1, max: 8 }),
      straight: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('hold' as const), which: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('retry' as const), which: fc.nat(10) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('discard' as const), which: fc.nat(10) }) },
);

const jobs = (bench: Bench, state?: string): CarrierJob[] =>
  jobsOf(bench.backend).filter((job) => !state || job.state === state);

async function perform(bench: Bench, act: Act, contents: readonly Buffer[]): Promise<void> {
  switch (act.act) {
    case 'arrive':
      return bench.arrive(bench.world.drop(`${bench.world.dropped.length}.csv`, contents[act.content]!));
    case 'drive':
      for (const stage of STAGES.slice(0, act.upTo)) await bench.step(stage, 100, undefined, act.straight);
      return;
    case 'work':
      return void (await bench.step(act.stage, act.max, act.diesAt, act.straight));
    case 'hold': {
      // A decided job is only put away; its holds are those of a broken disk.
      const ready = jobs(bench, 'ready').filter((job) => !(JSON.parse(job.payload) as JobFacts).putAway);
      if (ready.length > 0) await holdReady(bench.backend, [ready[act.which % ready.length]!.id]);
      return;
    }
    default: {
      const held = jobs(bench, 'held');
      const one = held[act.which % Math.max(1, held.length)];
      if (!one) return;
      if (act.act === 'retry') await retry(bench, one.id);
      else await discard(bench, one);
    }
  }
}

const retry = (bench: Bench, id: string): Promise<boolean[]> =>
  bench.backend.amendHeld([id], (_tx, job) => ({ kind: 'back', to: job.stage }));

async function discard(bench: Bench, { id }: CarrierJob): Promise<void> {
  await discardJobs(bench.backend, [id]);
}

/** An operator retries held jobs, and everything else comes to its end by itself. */
async function settle(bench: Bench): Promise<void> {
  for (const { id } of jobs(bench, 'held')) await retry(bench, id);
  for (let round = 0; jobs(bench).some(({ state }) => state !== 'done'); round++) {
    assert.ok(
      round < 200,
      `stuck:\n${JSON.stringify(
        jobs(bench).filter(({ state }) => state !== 'done'),
        null,
        1,
      )}`,
    );
    await bench.backend.rescue();
    for (const stage of STAGES) await bench.step(stage, 100);
    assertCarriers(bench.backend);
    for (const { id, hold_code } of jobs(bench, 'held')) assert.fail(`${id} is held for ${hold_code}`);
  }
}

test(`twins in every order of arrival, hold, retry, discard and death; SEED=${SEED}`, async (t) => {
  let acts = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anAct, { minLength: 20, maxLength: 60, size: 'max' }), async (history) => {
      const bench = await Bench.open();
      try {
        const contents = [100, 200, 300].map(bench.world.content);
        for (const content of [0, 0, 0]) await perform(bench, { act: 'arrive', content }, contents);
        for (const act of history) {
          await perform(bench, act, contents);
          assertCarriers(bench.backend);
          acts++;
        }
        await settle(bench);
        await bench.redoAppends();
        const { world } = bench;
        for (const digest of givenUp(world)) world.discarded.add(digest);
        world.check();
      } finally {
        await bench.close();
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: process.env.SHRINK === undefined },
  );
  t.diagnostic(`${acts} acts in ${RUNS} histories`);
});
