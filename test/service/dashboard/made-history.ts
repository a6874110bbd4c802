/** Samples of a past that a test has no time to live through, as a state would have written them. */
import { editDatabase } from '../../world/database.js';

const MINUTE_MS = 60_000;

export interface Past {
  feeds: readonly string[];
  minutes: number;
  /** Files that were stored in that minute, and how many seconds the oldest in `hash` had waited at its end. */
  at(minute: number): { files: number; hashAge: number };
}

const FILE_BYTES = 5_000_000;
/** The bucket of each stage, and of the whole way. */
const TIMES = new Map([
  ['hash', 4_096],
  ['*', 16_384],
]);

/** The counters of the state go on from there: the curves have no step between the past and now. */
export function makePast(statePath: string, { feeds, minutes, at }: Past): void {
  editDatabase(statePath, (db) => {
    const sample = db.prepare('INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)');
    const count = db.prepare(`INSERT INTO counters VALUES (?, 'move', 'stored', ?, ?)
      ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes`);
    const feed = db.prepare("INSERT OR IGNORE INTO feeds SELECT ?, options FROM feeds WHERE name = 'default'");
    db.exec('DELETE FROM samples');
    for (const name of feeds) feed.run(name);
    const before = db.prepare(
      "SELECT coalesce(sum(files), 0) FROM counters WHERE name = 'stored' AND feed = coalesce(?, feed)",
    );
    const start = (name: string | null) => before.pluck().get(name) as number;
    let stored = 0;
    const startOf = new Map([...feeds, '*'].map((name) => [name, start(name === '*' ? null : name)]));
    const nowMs = Date.now();
    for (let minute = 0; minute < minutes; minute++) {
      const atMs = nowMs - (minutes - minute) * MINUTE_MS;
      const { files, hashAge } = at(minute);
      stored += files;
      const stages = hashAge === 0 ? [] : [['hash', 3, 3 * FILE_BYTES, Math.floor(atMs / 1_000) - hashAge]];
      for (const name of ['*', ...feeds]) {
        const more = stored * (name === '*' ? feeds.length : 1);
        const all = startOf.get(name)! + more;
        const times = minute % 10 === 0 ? JSON.stringify([...TIMES].map(([stage, ms]) => [stage, ms, more])) : null;
        sample.run(name, atMs, JSON.stringify([['stored', all, all * FILE_BYTES]]), JSON.stringify(stages), times);
      }
    }
    const duration = db.prepare(`INSERT INTO durations VALUES (?, ?, ?, ?, 0)
      ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs`);
    for (const name of feeds) {
      count.run(name, stored, stored * FILE_BYTES);
      for (const [stage, ms] of TIMES) duration.run(name, stage, ms, stored);
    }
  });
}

export const DAY_MINUTES = 1_500;

/** A day up to eight in the evening: a quiet night, a busy noon and a jam in the afternoon. */
export const anOrdinaryDay: Past['at'] = (minute) => {
  const hour = (20 + 48 - (DAY_MINUTES - minute) / 60) % 24;
  const files = hour < 6 ? 0 : Math.round(60 + 50 * Math.sin(((hour - 6) / 18) * Math.PI));
  const hashAge = hour > 15 && hour < 18 ? Math.round((hour - 15) * 3_600) : hour < 6 ? 0 : 20 + (minute % 7);
  return { files, hashAge };
};
