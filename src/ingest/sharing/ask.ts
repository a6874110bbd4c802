/** The question to the shared ledger: two statements for a batch, a third where a forgotten host carries one of its contents. */
import {
  dropCarried,
  insertNew,
  keyOf,
  type Newest,
  type Question,
  readNewest,
} from '../../shared-ledger/statements.js';
import { nextSeq, sharingHost } from '../ledger/host.js';
import type { SharedLedger } from './shared-ledger.js';

export interface Answers {
  /** The number of the question. */
  seq: number;
  /** The id of this host. */
  host: string;
  /** By `keyOf`: these are this host's to ingest. */
  ours: ReadonlySet<string>;
  /** The other contents, by `contentOf`. A content that is missing went away meanwhile. */
  newest: ReadonlyMap<string, Newest>;
  /** Wall clock, before they were read. */
  readAtMs: number;
  revision: number;
}

/** Undefined: this host still sends all its ends again, and asks nothing meanwhile. Errors: PlaceError `ledger`. */
export const ask = (ledger: SharedLedger, questions: readonly Question[]): Promise<Answers | undefined> =>
  ledger.with(async () => {
    const { backend, shared } = ledger;
    const seq = await backend.transact((tx) => (sharingHost(tx)!.cursor === null ? nextSeq(tx) : undefined));
    if (seq === undefined) return undefined;
    let { rows, revision } = await ledger.send(insertNew(seq, questions));
    const ours = new Set(rows.map(keyOf));
    const rest = questions.filter((one) => !ours.has(keyOf(one)));
    const readAtMs = Date.now();
    const newest = rest.length > 0 ? await readNewest(shared, rest) : new Map<string, Newest>();
    const free = [...newest.values()].filter(({ isFree, state }) => isFree && state === 'carried');
    if (free.length > 0) ({ revision } = await ledger.send(dropCarried(free)));
    return { seq, host: ledger.host().id, ours, newest, readAtMs, revision };
  });
