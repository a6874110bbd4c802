/**
 * Finds depths of a state that differ from its jobs: one sentence each.
 */
import type Database from 'better-sqlite3';

const OFF = `WITH counted AS (
    SELECT feed, stage, created_ms / 1000 AS second, count(*) AS jobs, sum(bytes) AS bytes FROM jobs
    WHERE state <> 'done' GROUP BY feed, stage, second)
  SELECT 'counted' AS side, * FROM (SELECT * FROM counted EXCEPT SELECT * FROM depths)
  UNION ALL SELECT 'kept' AS side, * FROM (SELECT * FROM depths EXCEPT SELECT * FROM counted)`;

export function depthsOff(db: Database.Database): string[] {
  // A state that is being created does not have all of its tables yet.
  if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'depths'").get()) return [];
  const rows = db.prepare(OFF).all() as { side: string; feed: string; stage: string; second: number }[];
  return rows.map((row) => `depths differ from the jobs: ${JSON.stringify(row)}`);
}

/** For a test that has changed jobs without the queue. */
export function countAnew(db: Database.Database): void {
  db.exec(`DELETE FROM depths;
    INSERT INTO depths SELECT feed, stage, created_ms / 1000 AS second, count(*), sum(bytes) FROM jobs
      WHERE state <> 'done' GROUP BY feed, stage, second`);
}
