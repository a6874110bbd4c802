/** The end of `--once`, and the files that it names. The test itself plays the worker: it claims and settles. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../../queue/backend.js';
import { type ClaimedJob, limits, type Outcome } from '../../../queue/index.js';
import { trailText } from '../../../queue/trail.js';
import type { OnceDone } from '../../../src/base/process/protocol.js';
import { untilNothingLeft } from '../../../src/ingest/producer/once.js';
import { editDatabase } from '../../world/database.js';
import { stays } from '../../world/waiting.js';
import { scenario, type World } from './world.js';

const NOTHING = { count: 0, names: [] };

interface Once {
  done: OnceDone | undefined;
  end: Promise<OnceDone | undefined>;
  stop(): Promise<unknown>;
}

function once(world: World, adopt = async () => 0, backend: Backend = world.backend): Once {
  const stop = new AbortController();
  const running: Once = {
    done: undefined,
    end: untilNothingLeft(backend, [world.producer], adopt, stop.signal).then((done) => {
      running.done = done;
      return done;
    }),
    stop() {
      stop.abort();
      return this.end;
    },
  };
  return running;
}

async function claimOne(world: World, path: string): Promise<ClaimedJob> {
  await world.untilJob(path, (job) => job.state === 'ready' && job.dueMs <= world.backend.nowMs());
  const claimed = await world.backend.claim('verify-complete', 1);
  assert.equal(claimed[0]?.key.toString(), path);
  return claimed[0]!;
}

const settle = (world: World, job: ClaimedJob, outcome: Outcome) => world.backend.settle([{ job, outcome }]);

scenario('it ends when all is done, not before', async (world) => {
  writeFileSync(join(world.input, 'x.csv'), '1');
  await world.start({ stabilitySeconds: 0, quietMs: 0 });
  const running = once(world);
  const job = await claimOne(world, 'x.csv');
  await world.producer.scan();
  assert.equal(running.done, undefined);
  await settle(world, job, { kind: 'finish', ending: 'stored', freeKey: true });
  // The file is still there: the last scan must find it as a new job.
  const again = await claimOne(world, 'x.csv');
  assert.notEqual(again.id, job.id);
  assert.equal(running.done, undefined);
  await settle(world, again, { kind: 'hold', code: 'unreadable', reason: 'it may not be read' });
  assert.deepEqual(await running.end, {
    kind: 'once_done',
    held: { count: 1, names: [join(world.input, 'x.csv')] },
    open: NOTHING,
    withoutSidecar: NOTHING,
    partial: NOTHING,
    twins: NOTHING,
    unpublished: NOTHING,
    unread: NOTHING,
    others: NOTHING,
  });
});

/** Another process claims all jobs between two reads, and gives them back right after. */
function claimingBetween({ backend, statePath }: World): Backend {
  const become = (state: string, owner: string) =>
    editDatabase(statePath, (db) => db.exec(`UPDATE jobs SET was = state, state = '${state}', owner = ${owner}`));
  const stats: Backend['stats'] = (...given) => {
    const seen = backend.stats(...given);
    become('claimed', '99');
    queueMicrotask(() => become('ready', 'NULL'));
    return seen;
  };
  return new Proxy(backend, {
    get: (target, name) => {
      if (name === 'stats') return stats;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

scenario('a job that is claimed between two of its reads is not taken for one that is done', async (world) => {
  writeFileSync(join(world.input, 'x.csv'), '1');
  await world.start({ stabilitySeconds: 3_600 });
  await world.untilJob('x.csv');
  const running = once(world, async () => 0, claimingBetween(world));
  await stays('it does not end', () => running.done === undefined, 3_000);
  await running.stop();
});

scenario('a file that it found sealed without a job is waited for', async (world) => {
  await world.start();
  const adopted = [2, 1, 0, 0];
  let looks = 0;
  const { end } = once(world, async () => adopted[looks++]!);
  assert.deepEqual((await end)?.held, NOTHING);
  assert.equal(looks, 3);
});

scenario('files without their sidecar are named, and keep nobody waiting', async (world) => {
  writeFileSync(join(world.input, 'x.csv'), '1');
  await world.start({ mode: 'sidecar' });
  const done = await once(world).end;
  assert.deepEqual(done?.withoutSidecar, { count: 1, names: [join(world.input, 'x.csv')] });
});

scenario('a file that stays open for writing is waited for, then named', async (world) => {
  writeFileSync(join(world.input, 'x.csv'), '1');
  await world.start({ stabilitySeconds: 0, quietMs: 0 });
  const running = once(world);
  await settle(world, await claimOne(world, 'x.csv'), { kind: 'defer', inMs: 0, why: 'writer_open' });
  const job = await claimOne(world, 'x.csv');
  await world.producer.scan();
  assert.equal(running.done, undefined);
  await settle(world, job, { kind: 'defer', inMs: 3_600_000, why: 'writer_open' });
  // Eleven seconds of asking in its history.
  await world.backend.transact((tx) => {
    const { trail } = tx.job(job.id)!;
    const last = { ...trail.at(-1)!, firstAtMs: trail.at(-1)!.lastAtMs - 11_000 };
    tx.run('UPDATE jobs SET trail = ? WHERE id = ?', trailText([...trail.slice(0, -1), last]), job.id);
  });
  const done = await running.end;
  assert.deepEqual(done?.open, { count: 1, names: [join(world.input, 'x.csv')] });
});

/** Two files: one is held, and the other waits for its content. */
async function heldAndWaiting(world: World): Promise<Once & { jobs: ClaimedJob[] }> {
  for (const name of ['a.csv', 'b.csv']) writeFileSync(join(world.input, name), '1');
  await world.start({ stabilitySeconds: 0, quietMs: 0 });
  const running = once(world);
  await world.untilJob('b.csv');
  const jobs = await world.backend.claim('verify-complete', 2);
  await world.backend.settle([
    { job: jobs[0]!, outcome: { kind: 'hold', code: 'unreadable', reason: 'it may not be read' } },
    { job: jobs[1]!, outcome: { kind: 'wait', on: 'content 1', why: 'carried by another' } },
  ]);
  return Object.assign(running, { jobs });
}

scenario('a job that waits for a held one keeps nobody waiting', async (world) => {
  const running = await heldAndWaiting(world);
  const { held, twins } = (await running.end)!;
  assert.deepEqual([held.count, twins.count], [1, 1]);
});

scenario('it does not end while jobs are to be woken whose carrier is stored', async (world) => {
  const running = await heldAndWaiting(world);
  // As after a crash between the carrier's commit and the next one, or with a disk that takes seconds for a commit.
  await world.backend.transact((tx) => tx.run("INSERT INTO wakes VALUES ('content 1')"));
  await stays('it waits for the wake', () => running.done === undefined, 8 * limits.rescueEveryMs);
  await world.backend.rescue();
  const [woken] = await world.backend.claim('verify-complete', 1);
  assert.equal(woken?.id, running.jobs[1]!.id);
  await settle(world, woken!, { kind: 'hold', code: 'unreadable', reason: 'it may not be read' });
  assert.equal((await running.end)?.held.count, 2);
});
