/** BullMQ: a queue for each stage; `place` is the port of a Redis. In batches it adds in bulk and works on 100 jobs at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';

export async function open(place, batch) {
  const connection = { host: '127.0.0.1', port: Number(place), maxRetriesPerRequest: null };
  const queue = new Queue('one', { connection, defaultJobOptions: { removeOnComplete: true } });
  const next = new Queue('two', { connection });
  return {
    async enqueue(count) {
      for (let from = 0; from < count; from += batch) {
        const jobs = Array.from({ length: Math.min(batch, count - from) }, (_, n) => ({
          ...{ name: 'job', data: { number: from + n } },
        }));
        if (batch === 1) await queue.add('job', jobs[0].data);
        else await queue.addBulk(jobs);
      }
      return count;
    },
    async work() {
      let settled = 0;
      const handle = async ({ data }) => {
        await next.add('job', data);
        settled += 1;
      };
      const worker = new Worker('one', handle, { connection, concurrency: batch === 1 ? 1 : 100 });
      for (let left = 1; left > 0; await sleep(20)) {
        const { active, wait, prioritized } = await queue.getJobCounts('active', 'wait', 'prioritized');
        left = active + wait + prioritized;
      }
      await worker.close();
      return settled;
    },
    async close() {
      await Promise.all([queue.close(), next.close()]);
    },
  };
}
