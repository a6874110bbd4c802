/** better-queue with better-queue-sqlite: a queue for each stage, each in a file of its own; done when nothing more comes. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import Queue from 'better-queue';
import SqliteStore from 'better-queue-sqlite';

const QUIET_MS = 5_000;

export async function open(place, batch) {
  const progress = { accepted: 0, done: 0, atMs: 0 };
  const storeOf = (name) => new SqliteStore({ path: join(place, `${name}.db`) });
  const stage = (store, handle) => new Queue(handle, { store, batchSize: batch });
  return {
    waitedMs: 0,
    async enqueue(count) {
      const store = storeOf('one');
      const queue = stage(store, () => {});
      queue.pause();
      await new Promise((resolve) => {
        queue.on('task_accepted', () => ++progress.accepted === count && resolve());
        for (let number = 0; number < count; number++) queue.push({ id: `job-${number}` });
      });
      // Accepted is not written: its store answers first, and its inserts run beside their COMMIT. Leaving now would lose most.
      const rows = () => promisify(store._db.get.bind(store._db))('SELECT COUNT(*) AS n FROM task');
      for (const from = performance.now(); (await rows()).n < count && performance.now() - from < QUIET_MS; )
        await sleep(5);
      return count;
    },
    async work(count) {
      progress.atMs = performance.now();
      const next = stage(storeOf('two'), () => {});
      next.pause();
      stage(storeOf('one'), (tasks, done) => {
        for (const task of batch === 1 ? [tasks] : tasks) next.push(task);
        progress.done += batch === 1 ? 1 : tasks.length;
        progress.atMs = performance.now();
        done(null);
      });
      while (progress.done < count && performance.now() - progress.atMs < QUIET_MS) await sleep(20);
      if (progress.done < count) this.waitedMs = performance.now() - progress.atMs;
      return progress.done;
    },
    async close() {},
  };
}
