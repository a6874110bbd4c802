/** pg-boss; `place` is the address of a PostgreSQL. Done and next are put into one transaction, as its `db` option allows. */
import pg from 'pg';
import { PgBoss } from 'pg-boss';

export async function open(place, batch) {
  const boss = new PgBoss({ connectionString: place, schedule: false });
  boss.on('error', console.error);
  await boss.start();
  for (const name of ['one', 'two']) await boss.createQueue(name);
  const client = new pg.Client(place);
  await client.connect();
  const db = { executeSql: (text, values) => client.query(text, values) };
  return {
    async enqueue(count) {
      for (let from = 0; from < count; from += batch) {
        const jobs = Array.from({ length: Math.min(batch, count - from) }, (_, n) => ({ data: { number: from + n } }));
        if (batch === 1) await boss.send('one', jobs[0].data);
        else await boss.insert('one', jobs);
      }
      return count;
    },
    async work() {
      for (let settled = 0; ; ) {
        const jobs = await boss.fetch('one', { batchSize: batch });
        if (jobs.length === 0) return settled;
        const ids = jobs.map(({ id }) => id);
        await client.query('BEGIN');
        await boss.insert(
          'two',
          jobs.map(({ data }) => ({ data })),
          { db },
        );
        await boss.complete('one', ids, undefined, { db });
        await client.query('COMMIT');
        settled += ids.length;
      }
    },
    async close() {
      await client.end();
      await boss.stop({ graceful: false });
    },
  };
}
