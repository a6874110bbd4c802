/**
 * `ingest-ctl audit`: compares warehouse, manifests and ledger. It reports each difference once, with one name and its remedy.
 * With `hash` it reads every byte of the warehouse again; otherwise it compares sizes, names and lines only.
 * Guarantees: changes nothing in state, manifests and warehouse. Memory is bounded. It may run beside a working ingest.
 * Does not: check duplicates/ and failed/, which have no rows in the ledger, nor the input.
 */
import { sqlCodeOf } from '../../../queue/errors.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import type { Work } from '../../base/telemetry/progress.js';
import { BucketError } from '../../bucket/errors.js';
import { boundariesBelow } from '../../files/mounts.js';
import { errnoOf, PlaceError } from '../../files/place-error.js';
import { FeedFiles } from '../../ingest/files/feed-files.js';
import { recordedRoots } from '../../ingest/files/recorded-roots.js';
import { UnreadableManifest } from '../../ingest/manifest/unpack.js';
import type { Rows } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { judgeBucket } from './bucket.js';
import { digestAll } from './digests.js';
import { noteLedger, noteManifests, noteSharing, noteWarehouse } from './gather.js';
import type { Judging } from './judging.js';
import { AuditNotes } from './notes.js';
import { judgeFiles, judgeLines, judgePieces } from './rest.js';
import { judgeRows } from './rows.js';
import { judgeShared } from './shared.js';
import { type Difference, textOf } from './words.js';
import { judgeWork } from './work.js';

export { type Difference, textOf };

export interface AuditOptions {
  hash: boolean;
  /** Only this feed is judged. What others have in its warehouse is read all the same. */
  feed: string | undefined;
  /** The rows that PostgreSQL has of this host are compared too. */
  shared?: Rows | undefined;
}

export interface AuditTotals {
  rows: number;
  lines: number;
  files: number;
  read: number;
  bytes: number;
  differences: Partial<Record<Difference['kind'], number>>;
}

/** Errors: EnvironmentError if a folder cannot be read, or if there is no room for the notes. */
export async function audit(
  view: QueueView,
  { hash, feed, shared }: AuditOptions,
  print: (difference: Difference) => void,
  progress: (work: Work) => void,
): Promise<AuditTotals> {
  const all = view.feeds().map(({ options }) => options as unknown as FeedOptions);
  const feeds = all.filter(({ name }) => feed === undefined || name === feed);
  const files = new Map(feeds.map(({ name }) => [name, new FeedFiles(recordedRoots(view, name))]));
  const notes = new AuditNotes();
  const totals: AuditTotals = { rows: 0, lines: 0, files: 0, read: 0, bytes: 0, differences: {} };
  const report = (difference: Difference): void => {
    totals.differences[difference.kind] = (totals.differences[difference.kind] ?? 0) + 1;
    print(difference);
  };
  const auditing: Auditing = { view, all, feeds, files, notes, totals, report, progress, hash };
  try {
    await gather(auditing);
    await readFiles(auditing);
    await judge(auditing);
    if (shared) await judgeShared(view, shared, feed, report);
    for (const one of feeds) if (one.publish !== undefined) await judgeBucket(view, one, report);
    return totals;
  } catch (error) {
    throw asEnvironment(error);
  } finally {
    for (const its of files.values()) its.close();
    notes.close();
  }
}

interface Auditing extends Omit<Judging, 'feed'> {
  /** The feeds of the state, and those that are judged. */
  all: readonly FeedOptions[];
  feeds: readonly FeedOptions[];
  files: ReadonlyMap<string, FeedFiles>;
  totals: AuditTotals;
  progress(work: Work): void;
}

async function gather({ view, all, feeds, files, notes, totals, progress }: Auditing): Promise<void> {
  // The rows of all feeds, and the lines of those that share a warehouse, so that a file of another feed there is known.
  noteLedger(view, all, notes, (n) => {
    totals.rows += n;
    progress({ part: 'ledger', noun: 'rows', files: totals.rows, bytes: 0 });
  });
  const countLines = (n: number): void => {
    totals.lines += n;
    progress({ part: 'manifests', noun: 'lines', files: totals.lines, filesAll: totals.rows, bytes: 0 });
  };
  for (const feed of firstOf(feeds, ({ manifests }) => manifests)) {
    files.get(feed.name)!.manifests; // Checks the marker: a root that is not mounted would seem to have no lines.
    await noteManifests(view, feed, notes, countLines);
  }
  const read = new Map([...files.values()].map(({ roots }) => [roots.markers.manifests ?? '', true]));
  for (const feed of firstOf(feeds, ({ warehouse }) => warehouse))
    await noteSharing(view, feed, read, notes, countLines);
  for (const feed of firstOf(feeds, ({ warehouse }) => warehouse)) {
    noteWarehouse(feed, files.get(feed.name)!, notes, (n) => {
      totals.files += n;
      progress({ part: 'warehouse', noun: 'names', files: totals.files, bytes: 0 });
    });
  }
  notes.index();
}

/** Files that no row knows are always read: their content shows where they came from. */
async function readFiles({ notes, totals, progress, hash }: Auditing): Promise<void> {
  const wanted = hash ? '1' : 'known = 0';
  const { n, size } = notes.get<{ n: number; size: number }>(
    `SELECT count(*) AS n, total(size) AS size FROM files WHERE kind = 'file' AND ${wanted}`,
  )!;
  const work = { part: 'reading files', files: 0, filesAll: n, bytes: 0, bytesAll: size };
  progress(work);
  await digestAll(notes, wanted, (file, isRead) => {
    if (isRead) {
      totals.read++;
      totals.bytes += file.size;
    }
    work.files++;
    work.bytes += file.size;
    progress(work);
  });
}

async function judge({ feeds, files, totals, progress, ...common }: Auditing): Promise<void> {
  let judged = 0;
  for (const feed of feeds) {
    await judgeRows({ ...common, feed }, (n) => {
      judged += n;
      progress({ part: 'comparing', noun: 'rows', files: judged, filesAll: totals.rows, bytes: 0 });
    });
    judgeLines({ ...common, feed });
  }
  for (const feed of firstOf(feeds, ({ manifests }) => manifests)) judgePieces({ ...common, feed });
  for (const feed of feeds) {
    judgeFiles({ ...common, feed });
    judgeWork({ ...common, feed, files: files.get(feed.name)! }, boundariesBelow(feed.input));
  }
}

function firstOf(feeds: readonly FeedOptions[], keyOf: (feed: FeedOptions) => string): FeedOptions[] {
  return [...new Map(feeds.toReversed().map((feed) => [keyOf(feed), feed])).values()];
}

function asEnvironment(error: unknown): unknown {
  if (error instanceof SharedError) return error;
  if (error instanceof BucketError)
    return new EnvironmentError('bucket_unusable', `${error.message}; then audit again.`);
  if (sqlCodeOf(error) === 'SQLITE_FULL') {
    return new EnvironmentError(
      'directory_unusable',
      'an audit keeps its notes among the temporary files, and there is no room for them; set TMPDIR to a directory that has room, then audit again.',
    );
  }
  if (error instanceof PlaceError) return new EnvironmentError('root_unusable', `${error.message}; then audit again.`);
  if (error instanceof UnreadableManifest) {
    return new EnvironmentError(
      'manifest_unreadable',
      `${error.message}: restore it, unpack it or move it away, then audit again.`,
    );
  }
  if (error instanceof Error && errnoOf(error) !== undefined)
    return new EnvironmentError(
      'root_unusable',
      `a folder cannot be read (${error.message}); run it as the user that ingest runs as.`,
    );
  return error;
}
