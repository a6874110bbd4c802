/** The product's own queue, as its workers use it: claim, then settle with the next stage in the same transaction. */
import { join } from 'node:path';
import { openQueue } from '../../../dist/queue/index.js';
import { host } from '../../../dist/src/linux/index.js';

export async function open(place, batch) {
  const backend = await openQueue({
    ...{ path: join(place, 'state.db'), host: host(), stages: ['one', 'two'] },
    ...{ title: 'bench', maxAttempts: 8 },
  });
  return {
    async enqueue(count) {
      for (let from = 0; from < count; from += batch)
        await backend.enqueue(Array.from({ length: Math.min(batch, count - from) }, (_, n) => candidate(from + n)));
      return count;
    },
    async work() {
      let settled = 0;
      for (;;) {
        const jobs = await backend.claim('one', batch);
        if (jobs.length === 0) return settled;
        const answers = await backend.settle(jobs.map((job) => ({ job, outcome: { kind: 'advance' } })));
        settled += answers.filter((answer) => answer.settled).length;
      }
    },
    close: () => backend.close(),
  };
}

const candidate = (number) => ({
  ...{ feed: 'default', key: Buffer.from(`orders-${number}.csv`), identity: `${number}`, bytes: 1024 },
  ...{ payload: { number }, dueInMs: 0 },
});
