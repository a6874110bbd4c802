/**
 * Forgets contents and jobs that ended long ago: the record of a content except its hash (src/ingest/ledger/pruned.ts), and jobs as a whole.
 * Guarantees: never a hash, never an open job or content; bounded memory. A transaction changes at most 32 records or jobs, so that
 * claims go on. The next run continues one that was killed; two at the same time do no harm.
 * Does not: make the database smaller. Its free pages are used again; a backup of it has none.
 */
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { freeNames, keptNames, type Name } from '../ledger/names.js';
import { forgetRecords, notePrunedUntil, recordsBefore, type Storing } from '../ledger/pruned.js';
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
  const records = await inPages<number, Storing>(history, noted, {
    find: (after) => {
      const { rows: ids, next } = view.read((r) => recordsBefore(r, beforeMs, after, PAGE));
      return { ids, next };
    },
    forget: (to, ids) => to.transact((tx) => forgetRecords(tx, ids)),
  });
  await inPages<Name, Name>(history, noted, {
    find: (after) => {
      const page = view.read((r) => keptNames(r, Date.now(), after, PAGE));
      const [warehouse, target] = page.at(-1) ?? [];
      const ids = page.filter(([, , hasEnded]) => hasEnded).map(([of, name]): Name => [of, name]);
      return { ids, next: page.length < PAGE ? undefined : [warehouse!, target!] };
    },
    forget: (to, ids) => to.transact((tx) => freeNames(tx, ids)),
  });
  const jobs = await inPages<number, number>(history, noted, {
    find: (after = 0) => {
      const { seqs: ids, next } = view.endedBefore(beforeMs, after, PAGE);
      return { ids, next };
    },
    forget: (to, ids) => to.forget(ids, beforeMs),
  });
  return { jobs, records };
}

interface Kind<Id, At> {
  /** `next`: undefined at the end. */
  find(after: At | undefined): { ids: Id[]; next: At | undefined };
  forget(backend: Backend, ids: readonly Id[]): Promise<number>;
}

async function inPages<Id, At>({ backend, pieces, isOver }: History, noted: Once, kind: Kind<Id, At>): Promise<number> {
  let sum = 0;
  let after: At | undefined;
  do {
    const { ids, next } = await pieces.piece(() => kind.find(after));
    after = next;
    if (!backend) sum += ids.length;
    else if (ids.length > 0) await noted.act();
    for (let at = 0; backend && at < ids.length && !isOver(); ) {
      const some = ids.slice(at, at + pieces.size);
      at += some.length;
      sum += await pieces.write(() => kind.forget(backend, some));
    }
  } while (after !== undefined && !isOver());
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
