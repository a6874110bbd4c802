/**
 * Reads the samples of a feed (samples.ts): at most as many rows as there are minutes in the time that is asked for.
 * Guarantees: bounded by the time, never by the number of jobs; writes nothing.
 */
import type { Reader, Sample, TimesSince } from '../backend.js';
import { limits } from '../limits.js';
import {
  ALL_FEEDS,
  type CountRow,
  countsOf,
  LAST,
  type SampleRow,
  type StageRow,
  stagesOf,
  type TimesRow,
  timesOf,
} from './samples.js';

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
