/**
 * `ingest-ctl audit`: do warehouse, manifests and ledger say the same? Each difference is told once, by one name, with what
 * to do. With `hash` every byte of the warehouse is read again; else sizes, names and lines alone are compared.
 * Guarantees: changes nothing in state, manifests and warehouse; bounded memory; may run beside a working ingest; one that
 * was interrupted reads no file twice (the notes beside the state keep the digests).
 * Does not: look at duplicates/ and failed/, which the ledger does not speak of, nor at the input.
 */
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import { mountsBelow } from '../../files/mounts.js';
import { errnoOf, PlaceError } from '../../files/place-error.js';
import type { Rows } from '../../fleet/connection.js';
import { FeedFiles } from '../../ingest/files/feed-files.js';
import { UnreadableManifest } from '../../ingest/manifest/unpack.js';
import { recordedRoots } from '../../ingest/roots/recorded-roots.js';
import { digestAll } from './digests.js';
import { noteLedger, noteManifests, noteWarehouse } from './gather.js';
import type { Judging } from './judging.js';
import { AuditNotes } from './notes.js';
import { judgeFiles, judgeLines, judgePieces } from './rest.js';
import { judgeRows } from './rows.js';
import { judgeShared } from './shared.js';
import { type Difference, textOf } from './words.js';
import { judgeWork } from './work.js';

export { type Difference, textOf };

export interface AuditOptions {
  statePath: string;
  hash: boolean;
  /** Only this one is judged. */
  feed: string | undefined;
  /** Compared with this one too. */
  shared?: Rows | undefined;
}

/** What it is at just now; `of` 0: nobody knows how many there are. */
export type AuditProgress = (what: string, done: number, of: number, bytes: number) => void;

export interface AuditTotals {
  rows: number;
  lines: number;
  files: number;
  read: number;
  bytes: number;
  /** Digests taken over from an audit that was interrupted. */
  resumed: number;
  differences: Partial<Record<Difference['kind'], number>>;
}

/** Errors: EnvironmentError, where a folder cannot be read or another audit is at work. */
export async function audit(
  view: QueueView,
  options: AuditOptions,
  told: (difference: Difference) => void,
  progress: AuditProgress,
): Promise<AuditTotals> {
  const notes = new AuditNotes(`${options.statePath}.audit`, options.statePath);
  const totals: AuditTotals = {
    ...{ rows: 0, lines: 0, files: 0, read: 0, bytes: 0, resumed: 0, differences: {} },
  };
  const tell = (difference: Difference): void => {
    totals.differences[difference.kind] = (totals.differences[difference.kind] ?? 0) + 1;
    told(difference);
  };
  const audit = new Audit(view, options, notes, totals, tell, progress);
  let whole = false;
  try {
    await audit.gather();
    await audit.read();
    await audit.judge();
    if (options.shared) await judgeShared(view, options.shared, options.feed, tell);
    whole = true;
    return totals;
  } catch (error) {
    throw asEnvironment(error);
  } finally {
    audit.close();
    if (whole) notes.remove();
    else notes.close();
  }
}

class Audit {
  readonly #all: FeedOptions[];
  readonly #feeds: FeedOptions[];
  readonly #files = new Map<string, FeedFiles>();

  constructor(
    readonly view: QueueView,
    readonly options: AuditOptions,
    readonly notes: AuditNotes,
    readonly totals: AuditTotals,
    readonly tell: (difference: Difference) => void,
    readonly progress: AuditProgress,
  ) {
    this.#all = view.feeds().map(({ options }) => options as unknown as FeedOptions);
    this.#feeds = this.#all.filter(({ name }) => options.feed === undefined || name === options.feed);
    for (const { name } of this.#feeds) this.#files.set(name, new FeedFiles(recordedRoots(view, name)));
  }

  async gather(): Promise<void> {
    const { view, notes, totals, progress } = this;
    // Every feed's rows: a file that another feed has put into a shared warehouse is known.
    noteLedger(view, this.#all, notes, (n) => {
      totals.rows += n;
      progress('reading the ledger', totals.rows, 0, 0);
    });
    for (const feed of firstOf(this.#feeds, ({ manifests }) => manifests)) {
      this.#files.get(feed.name)!.manifests; // its marker: one that is not mounted would have no lines at all
      await noteManifests(view, feed, notes, (n) => {
        totals.lines += n;
        if (totals.lines % 1_000 === 0) progress('reading manifests', totals.lines, totals.rows, 0);
      });
    }
    for (const feed of firstOf(this.#feeds, ({ warehouse }) => warehouse)) {
      noteWarehouse(feed, this.#files.get(feed.name)!, notes, (n) => {
        totals.files += n;
        progress('listing the warehouse', totals.files, totals.rows, 0);
      });
    }
    notes.index();
  }

  /** The content of files that nobody knows is always read: it says where they came from. */
  async read(): Promise<void> {
    const { notes, totals, progress, options } = this;
    const wanted = options.hash ? '1' : 'known = 0';
    const { n } = notes.get<{ n: number }>(`SELECT count(*) AS n FROM files WHERE kind = 'file' AND ${wanted}`)!;
    await digestAll(notes, wanted, (read, bytes, takenOver) => {
      totals.read += read;
      totals.resumed += takenOver;
      totals.bytes += bytes;
      progress('reading files', totals.read + totals.resumed, n, totals.bytes);
    });
  }

  async judge(): Promise<void> {
    const { view, notes, tell, totals, progress, options } = this;
    let judged = 0;
    for (const feed of this.#feeds) {
      const judging: Judging = { view, notes, tell, feed, hash: options.hash };
      await judgeRows(judging, (n) => {
        judged += n;
        progress('comparing', judged, totals.rows, 0);
      });
      judgeLines(judging);
    }
    for (const feed of firstOf(this.#feeds, ({ manifests }) => manifests)) {
      judgePieces({ view, notes, tell, feed, hash: options.hash });
    }
    for (const feed of this.#feeds) {
      const judging: Judging = { view, notes, tell, feed, hash: options.hash };
      judgeFiles(judging);
      const files = this.#files.get(feed.name)!;
      judgeWork({ view, feed, files, tell }, mountsBelow(feed.input));
    }
  }

  close(): void {
    for (const files of this.#files.values()) files.close();
  }
}

function firstOf(feeds: readonly FeedOptions[], keyOf: (feed: FeedOptions) => string): FeedOptions[] {
  return [...new Map(feeds.toReversed().map((feed) => [keyOf(feed), feed])).values()];
}

function asEnvironment(error: unknown): unknown {
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
