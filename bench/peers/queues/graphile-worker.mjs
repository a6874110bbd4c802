/** graphile-worker; `place` is the address of a PostgreSQL. In batches it adds in bulk and works on 100 jobs at once. */
import { Logger, makeWorkerUtils, runOnce } from 'graphile-worker';

const silent = new Logger(() => () => {});
const AT_ONCE = 100;
const CONNECTIONS = 10;

export async function open(place, batch) {
  const options = { connectionString: place, maxPoolSize: CONNECTIONS, logger: silent };
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  return {
    async enqueue(count) {
      for (let from = 0; from < count; from += batch) {
        const jobs = Array.from({ length: Math.min(batch, count - from) }, (_, n) => ({
          ...{ identifier: 'one', payload: { number: from + n } },
        }));
        if (batch === 1) await utils.addJob('one', jobs[0].payload);
        else await utils.addJobs(jobs);
      }
      return count;
    },
    async work() {
      let settled = 0;
      const one = async (payload, { addJob }) => {
        await addJob('two', payload);
        settled += 1;
      };
      await runOnce({ ...options, concurrency: batch === 1 ? 1 : AT_ONCE, taskList: { one } });
      return settled;
    },
    close: () => utils.release(),
  };
}
