/** plainjob on better-sqlite3. It claims one job at a time; done and next are put into one transaction, as its connection allows. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { better, defineQueue } from 'plainjob';

const silent = { error: console.error, warn: console.error, info() {}, debug() {} };

export async function open(place, batch) {
  const connection = better(new Database(join(place, 'plainjob.db')));
  const queue = defineQueue({ connection, logger: silent });
  const settle = connection.transaction((id, data) => {
    queue.markJobAsDone(id);
    queue.add('two', data);
  });
  return {
    async enqueue(count) {
      for (let from = 0; from < count; from += batch) {
        const data = Array.from({ length: Math.min(batch, count - from) }, (_, n) => ({ number: from + n }));
        if (batch === 1) queue.add('one', data[0]);
        else queue.addMany('one', data);
      }
      return count;
    },
    async work() {
      for (let settled = 0; ; settled++) {
        const job = queue.getAndMarkJobAsProcessing('one');
        if (job === undefined) return settled;
        settle(job.id, { number: job.id });
      }
    },
    async close() {
      queue.close();
    },
  };
}
