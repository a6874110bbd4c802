/**
 * The ages of waiting files, in the manner of qshape: rows by stage, feed, directory or suffix; columns by age.
 * Guarantees: by stage and feed it reads a few rows, whatever the number of jobs. By directory and suffix it reads each job that
 * is not done, in pages, so that no read is long.
 */
import type { QueueView } from '../../../queue/index.js';
import type { ViewValues } from '../../base/config/schema.js';
import { stagesUsed } from '../../base/config/values/stage-names.js';
import { pages } from '../../base/pages.js';
import { folderOf } from '../../files/job-paths.js';
import { type ByteName, shownName } from '../../linux/index.js';

export type Grouping = ViewValues['by'];

/** Upper ends of the columns, in seconds; the last column has none. */
export const AGE_BOUNDS = [10, 60, 600, 3_600, 8 * 3_600, 86_400, 7 * 86_400] as const;

export interface AgeRow {
  /** A stage, a feed, a directory below the input ('' is the input itself) or a suffix ('' is none). */
  name: string;
  files: number;
  bytes: number;
  /** Files by age: one more than there are bounds. */
  by_age: number[];
}

const PAGE = 10_000;
const JOBS = `SELECT seq, feed, key, bytes, created_ms FROM all_jobs
  WHERE state <> 'done' AND seq > ? ORDER BY seq LIMIT ${PAGE}`;
type JobArray = [seq: number, feed: string, key: Buffer, bytes: number, createdMs: number];

/** The rows in the pipeline's order by stage, else the one with most files first. */
export function agesOf(view: QueueView, by: Grouping, feed: string | undefined): AgeRow[] {
  const nowMs = Date.now();
  const rows = new Map<string, AgeRow>();
  const add = (name: string, bytes: number, byAge: readonly number[]) => {
    const row = rows.get(name) ?? emptyRow(name);
    rows.set(name, row);
    row.bytes += bytes;
    for (const [column, files] of byAge.entries()) {
      row.files += files;
      row.by_age[column]! += files;
    }
  };
  const wanted = (name: string) => feed === undefined || name === feed;
  if (by === 'stage' || by === 'feed') {
    if (by === 'stage')
      for (const stage of stagesUsed(view.feeds().map(({ options }) => options))) rows.set(stage, emptyRow(stage));
    const bounds = AGE_BOUNDS.map((bound) => Math.floor(nowMs / 1_000) - bound);
    for (const { feed: its, stage, jobs, bytes, madeBy } of view.depthsByAge(bounds))
      if (wanted(its))
        add(
          by === 'stage' ? stage : its,
          bytes,
          [jobs, ...madeBy].map((n, i) => n - (madeBy[i] ?? 0)),
        );
  } else {
    const nameOf = by === 'directory' ? directoryOf : suffixOf;
    for (const [, of, key, bytes, madeMs] of jobsOf(view))
      if (wanted(of)) add(nameOf(key), bytes, oneOf(columnOf((nowMs - madeMs) / 1000)));
  }
  const all = [...rows.values()];
  return by === 'stage' ? all : all.sort((a, b) => b.files - a.files || (a.name < b.name ? -1 : 1));
}

const emptyRow = (name: string): AgeRow => ({ name, files: 0, bytes: 0, by_age: [...AGE_BOUNDS, 0].map(() => 0) });

const oneOf = (column: number): number[] => [...AGE_BOUNDS, 0].map((_, i) => Number(i === column));

export type Oldest = NonNullable<ReturnType<typeof oldestOf>>;

/** The oldest job that is neither done nor held; undefined when there is none. */
export function oldestOf(view: QueueView, feed: string | undefined) {
  const jobs = new Map<string, { feed: string; stage: string; second: number; count: number }>();
  const add = (of: string, stage: string, second: number, count: number) => {
    const name = [of, stage, second].join('\0');
    jobs.set(name, { feed: of, stage, second, count: (jobs.get(name)?.count ?? 0) + count });
  };
  for (const depth of view.depths())
    if (feed === undefined || depth.feed === feed) add(depth.feed, depth.stage, depth.second, depth.jobs);
  for (const held of view.heldDepths())
    if (feed === undefined || held.feed === feed) add(held.feed, held.stage, held.second, -held.jobs);
  const open = [...jobs.values()].filter(({ count }) => count > 0);
  if (open.length === 0) return undefined;
  const first = open.reduce((a, b) => (b.second < a.second ? b : a));
  return {
    feed: first.feed,
    stage: first.stage,
    /** Its age. */
    seconds: Math.max(0, Math.floor(Date.now() / 1000) - first.second),
    /** When it was noticed: ISO 8601, without the part of a second. */
    since: toSecond(new Date(first.second * 1000).toISOString()),
  };
}

/** The age of that job; 0 when there is none. */
export const oldestSeconds = (view: QueueView, feed: string | undefined): number => oldestOf(view, feed)?.seconds ?? 0;

/** Cuts the part of a second off a moment in ISO 8601. */
export const toSecond = (iso: string): string => iso.slice(0, 'YYYY-MM-DDThh:mm:ss'.length);

function columnOf(seconds: number): number {
  const column = AGE_BOUNDS.findIndex((bound) => seconds < bound);
  return column < 0 ? AGE_BOUNDS.length : column;
}

function* jobsOf(view: QueueView): Generator<JobArray> {
  const pageAfter = (last?: JobArray) => view.read((rows) => rows.arrays(JOBS, last?.[0] ?? 0)) as JobArray[];
  for (const page of pages(pageAfter)) yield* page;
}

const pathOf = (key: Buffer): ByteName => key.toString('latin1') as ByteName;
const directoryOf = (key: Buffer): string => shownName(folderOf(pathOf(key)));

/** `.csv.gz` of `a/b.csv.gz`: the name from its first dot on; a dot at its beginning does not count. */
function suffixOf(key: Buffer): string {
  const path = pathOf(key);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.indexOf('.', 1);
  return dot < 0 ? '' : shownName(name.slice(dot) as ByteName);
}
