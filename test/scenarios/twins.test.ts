/**
 * Twins on real processes: many contents with three to six copies each, while jobs are held, retried and discarded, stages
 * paused and workers killed in a random order. test/ingest/stages/twins.test.ts puts single steps into every order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../queue/backend.js';
import { discardJobs } from '../../src/tools/exceptions/discard.js';
import { assertCarriers, type CarrierJob, givenUp, jobsOf } from '../world/carriers.js';
import { fractions } from '../world/chance.js';
import { holdReady, pause, resume, withState } from '../world/hand.js';
import { signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const CONTENTS = 20;
const COPIES = 6;
const ROUNDS = 12;

const retry = (backend: Backend, ids: string[]): Promise<boolean[]> =>
  backend.amendHeld(ids, (_tx, job) => ({ kind: 'back', to: job.stage }));

test(`twins through holds, retries, discards, pauses and kills; SEED=${SEED}`, async (t) => {
  const random = fractions(SEED);
  const some = <T>(all: readonly T[], share: number): T[] => all.filter(() => random() < share);
  const world = createWorld(t, { options: { workers: 'all=2' }, seed: String(SEED) });
  await world.followManifests();
  const ingest = world.start('ingest');
  await until('both workers', () => world.log.named('worker_started').length >= 3);
  const contents = Array.from({ length: CONTENTS }, () => world.content(300));
  const todo = contents.flatMap((bytes, c) =>
    Array.from({ length: COPIES }, (_, n) => ({ bytes, name: `${c}-${n}.csv` })),
  );
  todo.sort(() => random() - 0.5);
  const made = { held: 0, retried: 0, discarded: 0, kills: 0 };

  for (let round = 0; round < ROUNDS; round++) {
    // Some of the first files are surely affected, however fast the workers are.
    const isFirst = round === 0;
    const stages = isFirst ? ['hash', 'manifest', 'move'] : some(['hash', 'manifest', 'move'], 0.5);
    await pause(world.statePath, ...stages);
    for (const { name, bytes } of todo.splice(0, Math.ceil((CONTENTS * COPIES) / ROUNDS))) world.drop(name, bytes);
    await until('all are known', () => world.jobs().length === world.dropped.length);
    if (isFirst) await until('one waits', () => world.jobs().some(({ stage }) => stage === 'hash'));
    if (random() < 0.6) made.kills += kill(ingest.descendants(), random);
    await withState(world.statePath, (backend) => meddle(backend, some, made, isFirst ? 1 : 0.4));
    if (random() < 0.3) made.kills += kill(ingest.descendants(), random);
    await resume(world.statePath, ...stages);
  }

  await until('everything at its end', () => withState(world.statePath, bringToEnd), {
    everyMs: 200,
  });
  await world.stop();
  for (const digest of givenUp(world)) world.discarded.add(digest);
  world.check();
  t.diagnostic(JSON.stringify({ ...made, stored: world.warehouse().length, given_up: world.discarded.size }));
  assert.ok(made.held > 0 && made.discarded > 0 && made.kills > 0);
});

async function meddle(
  backend: Backend,
  some: <T>(all: readonly T[], share: number) => T[],
  made: { held: number; retried: number; discarded: number },
  share: number,
): Promise<void> {
  assertCarriers(backend);
  const jobs = jobsOf(backend);
  const open = (job: CarrierJob) =>
    job.state === 'ready' && job.stage !== 'verify-complete' && !/putAway/.test(job.payload);
  const ids = (all: CarrierJob[]) => all.map(({ id }) => id);
  made.held += await holdReady(backend, ids(some(jobs.filter(open), share)));
  assertCarriers(backend);
  const held = ids(jobsOf(backend).filter(({ state }) => state === 'held'));
  made.discarded += (await discardJobs(backend, some(held, share))).filter(Boolean).length;
  assertCarriers(backend);
  made.retried += (await retry(backend, some(held, 0.3))).filter(Boolean).length;
  assertCarriers(backend);
}

/** One of the processes: a producer or a worker. */
function kill(pids: readonly number[], random: () => number): number {
  const pid = pids[Math.floor(random() * pids.length)];
  if (pid === undefined) return 0;
  signal(pid, 'SIGKILL');
  return 1;
}

async function bringToEnd(backend: Backend): Promise<boolean> {
  assertCarriers(backend);
  const left = jobsOf(backend).filter(({ state }) => state !== 'done');
  await retry(
    backend,
    left.filter(({ state }) => state === 'held').map(({ id }) => id),
  );
  return left.length === 0;
}
