/**
 * Writes and reads the figures of each feed as they were: a row about every minute in which they changed, for a day.
 * Guarantees: written in the transaction that counts, so an idle state is not written to. Figures that changed after a row
 * changed within the minute after it: when a longer time has passed, a second row says how they stood at the end of that minute.
 * Until the next row they stood still, so ages of that time are known without a row. A read is bounded by the time that is asked for:
 * at most as many rows as it has minutes, whatever the number of jobs.
 */
import type { Reader, Sample, TimesSince } from '../backend.js';
import { limits } from '../limits.js';
import type { SqliteTx } from './tx.js';

/** The feed that stands for all feeds together. Its rows are the clock of the others: a feed that did not change has none. */
const ALL_FEEDS = '*';

/** Outcomes that a history of figures does not need. */
const LEFT_OUT = "('advance', 'back', 'defer', 'wait', 'finish')";
const COUNTS = `SELECT name, sum(files), sum(bytes) FROM counters WHERE name NOT IN ${LEFT_OUT} GROUP BY name`;
const STAGES = 'SELECT stage, sum(jobs), sum(bytes), min(second) FROM depths GROUP BY stage';
const TIMES = 'SELECT stage, below_ms, sum(jobs) FROM durations GROUP BY stage, below_ms';
/** Begins in the primary key of each of the three tables, so that one feed costs no more where there are many. */
const ofOne = (sql: string): string =>
  sql.includes(' WHERE ')
    ? sql.replace(' WHERE ', ' WHERE feed = ? AND ')
    : sql.replace(' GROUP BY ', ' WHERE feed = ? GROUP BY ');

/** The newest row of a feed that is not of the future. */
const LAST = `SELECT at_ms AS atMs, counts, stages, durations IS NOT NULL AS hasTimes FROM samples
  WHERE feed = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1`;
/** Keeps one row before the time that is kept: it says how the figures stood when that time began. */
const FORGET = `DELETE FROM samples WHERE feed = :feed AND (at_ms > :now
  OR at_ms < (SELECT max(at_ms) FROM samples WHERE feed = :feed AND at_ms <= :now - ${limits.samplesKeptMs}))`;
const INSERT = 'INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)';
const ADD_TIMES = 'UPDATE samples SET durations = ? WHERE feed = ? AND at_ms = ?';

interface SampleRow {
  atMs: number;
  counts: string;
  stages: string;
  hasTimes: 0 | 1;
}

type CountRow = [name: string, files: number, bytes: number];
type StageRow = [stage: string, jobs: number, bytes: number, oldestSecond: number];
type TimesRow = [stage: string, belowMs: number, jobs: number];

/** The figures of a feed as they are now. */
function figures<Row>(ofAll: string): (rows: Reader, feed: string) => Row[] {
  const ofFeed = ofOne(ofAll);
  return (rows, feed) => (feed === ALL_FEEDS ? rows.arrays(ofAll) : rows.arrays(ofFeed, feed)) as Row[];
}
const countsOf = figures<CountRow>(COUNTS);
const stagesOf = figures<StageRow>(STAGES);
const timesOf = figures<TimesRow>(TIMES);

/** Remembers how old the last row is that this process knows of, so that most commits ask nothing. */
export class Samples {
  #lastMs = Number.NEGATIVE_INFINITY;

  /** Called before a transaction writes what it has counted. Returns what is to be called after that; undefined where no row is due. */
  due(tx: SqliteTx): (() => void) | undefined {
    const { wallMs } = tx;
    const { sampleEveryMs: every } = limits;
    if (Math.abs(wallMs - this.#lastMs) < every) return undefined;
    const last = tx.get<{ atMs: number }>(LAST, ALL_FEEDS, wallMs)?.atMs;
    this.#lastMs = last ?? wallMs;
    if (last !== undefined && wallMs - last < every) return undefined;
    this.#lastMs = wallMs;
    if (last !== undefined && wallMs - last > 2 * every) note(tx, last + every);
    return () => note(tx, wallMs);
  }
}

function note(tx: SqliteTx, atMs: number): void {
  const feeds = tx.all<{ name: string }>('SELECT name FROM feeds').map(({ name }) => name);
  for (const feed of [ALL_FEEDS, ...feeds]) {
    tx.run(FORGET, { feed, now: tx.wallMs });
    noteFeed(tx, feed, atMs);
  }
}

function noteFeed(tx: SqliteTx, feed: string, atMs: number): void {
  const counts = JSON.stringify(countsOf(tx, feed));
  const stages = JSON.stringify(stagesOf(tx, feed));
  const times = () => JSON.stringify(timesOf(tx, feed));
  const last = tx.get<SampleRow>(LAST, feed, atMs);
  if (last?.counts === counts && last.stages === stages) {
    // An idle time begins: what is counted after it is kept apart from what was counted before.
    if (last.hasTimes === 0) tx.run(ADD_TIMES, times(), feed, last.atMs);
    if (feed !== ALL_FEEDS) return;
  }
  const isTurn = last === undefined || spanOf(last.atMs) !== spanOf(atMs) || atMs < tx.wallMs;
  tx.run(INSERT, feed, atMs, counts, stages, isTurn ? times() : null);
}

const spanOf = (atMs: number): number => Math.floor(atMs / limits.sampledTimesEveryMs);

const ROWS = `SELECT at_ms AS atMs, counts, stages FROM samples WHERE feed = :feed AND at_ms <= :now AND at_ms >= coalesce(
    (SELECT max(at_ms) FROM samples WHERE feed = :feed AND at_ms <= :from), :from) ORDER BY at_ms`;
/** The newest histogram that is as old as asked for; where none is, the oldest one. */
const TIMES_AT = `SELECT at_ms AS fromMs, durations FROM samples WHERE feed = ? AND at_ms <= ? AND durations IS NOT NULL
  ORDER BY at_ms DESC LIMIT 1`;
const FIRST_TIMES = `SELECT at_ms AS fromMs, durations FROM samples WHERE feed = ? AND durations IS NOT NULL
  ORDER BY at_ms LIMIT 1`;

export function samples(
  rows: Reader,
  feed: string,
  nowMs: number,
  lastMs: number,
  what: { stages: boolean },
): Sample[] {
  const { sampleEveryMs: every } = limits;
  const noted = rows
    .all<SampleRow>(ROWS, { feed, now: nowMs, from: nowMs - lastMs })
    .map(({ atMs, counts, stages }) => sampleOf(atMs, JSON.parse(counts), what.stages ? JSON.parse(stages) : []));
  const now = sampleOf(nowMs, countsOf(rows, feed), what.stages ? stagesOf(rows, feed) : []);
  const rowMs = lastRowMs(rows, nowMs);
  // Changes since the last row of all feeds happened within the minute after it.
  const rest = rowMs !== undefined && nowMs - rowMs > 2 * every ? [{ ...now, atMs: rowMs + every }] : [];
  return [...noted, ...rest, now].flatMap((one, i, all) => stoodUntil(one, all[i + 1]?.atMs));
}

/** When the last sample of all feeds was written. */
const lastRowMs = (rows: Reader, nowMs: number): number | undefined =>
  rows.get<SampleRow>(LAST, ALL_FEEDS, nowMs)?.atMs;

/** A feed without a row for a while did not change until the last minute before its next one. */
function stoodUntil(one: Sample, nextMs = one.atMs): Sample[] {
  const { sampleEveryMs: every } = limits;
  if (nextMs - one.atMs <= 1.5 * every) return [one];
  return [
    { ...one, stood: true },
    { ...one, atMs: nextMs - every },
  ];
}

const sampleOf = (atMs: number, counts: CountRow[], stages: StageRow[]): Sample => ({
  atMs,
  counts: new Map(counts.map(([name, files, bytes]) => [name, { files, bytes }])),
  stages: stages.map(([stage, jobs, bytes, oldestSecond]) => ({ stage, jobs, bytes, oldestSecond })),
  stood: false,
});

export function timesSince(rows: Reader, feed: string, nowMs: number, lastMs: number): TimesSince {
  const fromMs = nowMs - lastMs;
  const rowMs = lastRowMs(rows, nowMs);
  // Changes since that row happened within the minute after it.
  if (rowMs !== undefined && rowMs + limits.sampleEveryMs < fromMs) return { fromMs, buckets: [] };
  const row = (sql: string, ...params: unknown[]) => rows.get<{ fromMs: number; durations: string }>(sql, ...params);
  const first = row(TIMES_AT, feed, fromMs) ?? row(FIRST_TIMES, feed);
  const before = new Map(
    (JSON.parse(first?.durations ?? '[]') as TimesRow[]).map(([stage, belowMs, jobs]) => [
      `${stage}\0${belowMs}`,
      jobs,
    ]),
  );
  const buckets = timesOf(rows, feed).map(([stage, belowMs, jobs]) => ({
    stage,
    belowMs,
    jobs: Math.max(0, jobs - (before.get(`${stage}\0${belowMs}`) ?? 0)),
  }));
  return { fromMs: first?.fromMs ?? nowMs, buckets: buckets.filter(({ jobs }) => jobs > 0) };
}
