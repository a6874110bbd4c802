/**
 * An owner in its own process. Arguments: the opener's URL and the address; verbs come as messages. The tests kill it
 * instead of ending it in order.
 */
import type { Backend, ClaimedJob } from '../../queue/backend.js';
import { candidates, type OpenOptions } from './world.js';

const [opener, address] = process.argv.slice(2) as [string, string];
const { open } = (await import(opener)) as { open(address: string, options: OpenOptions): Promise<Backend> };
const backend = await open(address, { title: 'child', maxAttempts: 8 });
let mine: ClaimedJob[] = [];

const verbs = {
  owner: async () => backend.owner,
  claim: async (stage: string, max: number) => {
    mine = await backend.claim(stage, max);
    return mine.map(({ id, claimNo }) => ({ id, claimNo }));
  },
  /** Claims and advances until nothing is left; returns every id that it claimed. */
  work: async (stage: string, max: number) => {
    const had: string[] = [];
    for (;;) {
      const jobs = await backend.claim(stage, max);
      if (jobs.length === 0) return had;
      had.push(...jobs.map(({ id }) => id));
      await backend.settle(jobs.map((job) => ({ job, outcome: { kind: 'advance' } })));
    }
  },
  inProgress: async (job: string | null) => backend.beat({ job, place: 'somewhere' }),
  retry: async () => {
    await backend.settle(mine.map((job) => ({ job, outcome: { kind: 'retry', code: 'broken', error: 'it broke' } })));
    return mine.map(({ id }) => backend.job(id));
  },
  settle: async () => backend.settle(mine.map((job) => ({ job, outcome: { kind: 'advance' } }))),
  takeProbe: async () => backend.takeProbe(backend.gates()[0]!),
  enqueue: async (count: number, feed: string) => backend.enqueue(candidates(count, { feed })),
  /** Requests the wake, and dies before anything that follows its commit. */
  wakeAndDie: async (on: string) => {
    await backend.transact((tx) => {
      tx.wake([on]);
      // The commit is synchronous after this function; later work takes another turn.
      process.nextTick(() => process.kill(process.pid, 'SIGKILL'));
    });
  },
  /** Small transactions as fast as possible; returns how many. */
  write: async (forMs: number, feed: string) => {
    const end = performance.now() + forMs;
    let commits = 0;
    while (performance.now() < end) {
      await backend.transact((tx) => tx.count(feed, 'first', 'written', 1, 0));
      commits++;
    }
    return { commits };
  },
  /** Keeps the write lock forever: its transaction never ends. */
  stopInside: async () => {
    await backend.transact(() => process.kill(process.pid, 'SIGSTOP'));
  },
} as Record<string, (...args: never[]) => Promise<unknown>>;

process.on('message', async ({ id, verb, args }: { id: number; verb: string; args: never[] }) => {
  try {
    process.send!({ id, answer: await verbs[verb]!(...args) });
  } catch (error) {
    process.send!({ id, error: String(error) });
  }
});
process.send!({ id: 0 });
