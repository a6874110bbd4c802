/**
 * Forgets contents and jobs that ended long ago: the record of a content except its hash (src/ingest/ledger/pruned.ts), and jobs as a whole.
 * Guarantees: never a hash, never an open job or content; bounded memory. A transaction changes at most 32 records or jobs, whose pages
 * were read before it began, so that claims go on. The next run continues one that was killed; two at the same time do no harm.
 * Does not: make the database smaller. Its free pages are used again; a backup of it has none.
 */
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { forgetRecords, notePrunedUntil, readAhead, recordsBefore } from '../ledger/pruned.js';
import type { Pieces } from './pieces.js';

const PAGE = 2_000;

export interface PrunedHistory {
  jobs: number;
  records: number;
}

export interface History {
  view: QueueView;
  /** Undefined: nothing is removed, only counted. */
  backend: Backend | undefined;
  /** Wall-clock ms: records and jobs that ended before it are forgotten. */
  beforeMs: number;
  pieces: Pieces;
  isOver(): boolean;
}

export async function pruneHistory(history: History): Promise<PrunedHistory> {
  const { view, backend, beforeMs } = history;
  const noted = new Once(() => backend?.transact((tx) => notePrunedUntil(tx, beforeMs)));
  const records = await inPages(history, noted, {
    find: (after) => {
      const { rows: ids, next } = view.read((r) => recordsBefore(r, beforeMs, after, PAGE));
      return { ids, next };
    },
    readAhead: (ids) => view.read((r) => readAhead(r, ids)),
    forget: (to, ids) => to.transact((tx) => forgetRecords(tx, ids)),
  });
  const jobs = await inPages(history, noted, {
    find: (after) => {
      const { seqs: ids, next } = view.endedBefore(beforeMs, after, PAGE);
      return { ids, next };
    },
    forget: (to, ids) => to.forget(ids, beforeMs),
  });
  return { jobs, records };
}

interface Kind {
  find(after: number): { ids: number[]; next: number | undefined };
  readAhead?(ids: readonly number[]): void;
  forget(backend: Backend, ids: readonly number[]): Promise<number>;
}

async function inPages({ backend, pieces, isOver }: History, noted: Once, kind: Kind): Promise<number> {
  let sum = 0;
  for (let after: number | undefined = 0; after !== undefined && !isOver(); ) {
    const { ids, next } = await pieces.piece(() => kind.find(after!));
    after = next;
    if (!backend) sum += ids.length;
    else if (ids.length > 0) await noted.act();
    for (let at = 0; backend && at < ids.length && !isOver(); ) {
      const some = ids.slice(at, at + pieces.size);
      at += some.length;
      if (kind.readAhead) await pieces.piece(() => kind.readAhead!(some));
      sum += await pieces.write(() => kind.forget(backend, some));
    }
  }
  return sum;
}

/** Runs once, before the first removal. Without a removal it does not run. */
class Once {
  #done: Promise<unknown> | undefined;
  constructor(private readonly once: () => Promise<unknown> | undefined) {}

  async act(): Promise<void> {
    this.#done ??= this.once();
    await this.#done;
  }
}
