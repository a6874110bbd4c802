/**
 * The work of a worker for the shared ledger beside its batches: it tells the ends of contents, compares what it carries there, looks
 * through its conflicts, and shows that it lives. Each is a level that is compared, not a message: a round that is lost is made up
 * for by the next one.
 * Does not: ask (ask.ts).
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import { onTheWay, processed } from '../../base/telemetry/metrics.js';
import { PlaceError } from '../../files/place-error.js';
import { beat, type Figures } from '../../shared-ledger/hosts.js';
import {
  type CarriedRow,
  carriedBy,
  conflictsOf,
  dropCarried,
  freeOf,
  type Key,
  keyOf,
  noteConflicts,
  PAGE,
  type Statement,
  type Told,
  upsertEnds,
} from '../../shared-ledger/statements.js';
import { allRoots } from '../files/recorded-roots.js';
import {
  type Content,
  contentOfKey,
  contentsAfter,
  contentsUntold,
  hasEnded,
  hasEndedHere,
  hasUntold,
} from '../ledger/content.js';
import { nextSeq, noteRevision, sharingHost, untold } from '../ledger/host.js';
import type { SharedLedger } from './shared-ledger.js';

/**
 * Tells one page. `after`: the row after which an untold one is looked for, since what another host carries stays untold. Returns the
 * row to go on after; undefined at the end. Errors: PlaceError.
 */
export const tell = (ledger: SharedLedger, after: number): Promise<number | undefined> =>
  ledger.with(async () => {
    const { backend } = ledger;
    const isIdle = backend.read((reader) => sharingHost(reader)!.cursor === null && !hasUntold(reader, after));
    if (isIdle) return undefined;
    // The number of the page is as old as the page: what changes after it has a newer one. It is kept before the page is sent.
    const { ends, next, since, cursor, isFirst, seq } = await backend.transact((tx) => {
      const { cursor, since, first } = sharingHost(tx)!;
      // With a cursor: all after it. Without one: what is untold.
      const page = cursor === null ? contentsUntold(tx, after, PAGE) : contentsAfter(tx, cursor, PAGE);
      const next = page.length < PAGE ? null : page.at(-1)!.row;
      const ends = page.filter(hasEndedHere);
      return { ends, next, since, cursor, isFirst: first === 1, seq: ends.length === 0 ? 0 : nextSeq(tx) };
    });
    const { known, revision } = ends.length === 0 ? NOTHING : await sendPage(ledger, seq, ends, isFirst);
    await backend.transact((tx) => {
      const now = sharingHost(tx)!;
      // Telling has begun again meanwhile: this answer may be of the database that was lost.
      if (now.since !== since) return;
      noteRevision(tx, revision);
      for (const content of ends)
        tx.run(
          'UPDATE contents SET told = ? WHERE row = ? AND state = ?',
          known.has(keyOf(content)) ? 1 : 0,
          ...[content.row, content.state],
        );
      if (cursor !== null && now.cursor === cursor)
        tx.run('UPDATE host SET cursor = ?, first = CASE WHEN ? IS NULL THEN 0 ELSE first END', next, next);
    });
    return cursor === null ? (next ?? undefined) : 0;
  });

const NOTHING = { known: new Set<string>(), revision: 0 };

/** Returns the contents of which the shared ledger has what was said. */
async function sendPage(
  ledger: SharedLedger,
  seq: number,
  ends: readonly Content[],
  isFirst: boolean,
): Promise<{ known: Set<string>; revision: number }> {
  const { backend, shared, emit } = ledger;
  const roots = allRoots(backend).filter(({ kind }) => kind === 'warehouse');
  const warehouses = new Map(roots.map(({ feed, path }) => [feed, path]));
  const told = ends.map((content) => toldOf(warehouses.get(content.feed) ?? '', content));
  const written = await ledger.send(upsertEnds(seq, told));
  const known = new Set(written.rows.map(keyOf));
  const ofOthers = told.filter((one) => !known.has(keyOf(one)));
  if (ofOthers.length === 0) return { known, revision: written.revision };
  const noted = await ledger.send(noteConflicts(ofOthers, isFirst));
  for (const row of noted.rows) known.add(keyOf(row));
  const isNew = noted.rows.filter((row) => row.isNew).length;
  if (isNew > 0 && !isFirst) emit('content_stored_twice', { ledger: shared.where, contents: isNew });
  // A content that a forgotten host carries is nobody's. The next round finds it gone.
  const free = await freeOf(
    shared,
    ofOthers.filter((one) => !known.has(keyOf(one))),
  );
  const { revision } = free.length === 0 ? noted : await ledger.send(dropCarried(free));
  return { known, revision };
}

function toldOf(warehouse: string, content: Content): Told {
  const { feed, sha256, generation, state, target, sourcePath, ingestId, size, ingestedAtMs } = content;
  return {
    ...{ feed, sha256, generation, ingestId, size },
    state: state === 'withdrawn' ? 'withdrawn' : 'stored',
    target: target ? Buffer.concat([Buffer.from(`${warehouse}/`), target]) : state === 'learned' ? sourcePath : null,
    // An age: no host's clock counts.
    ageMs: Math.max(0, Date.now() - (ingestedAtMs ?? Date.now())),
  };
}

/**
 * Looks through one page of this host's conflicts. One that is over, there or here, is told again: a level too. Returns the last key of
 * the page; undefined at the end. Two hosts that had the same files before they joined have as many conflicts as contents.
 */
export const tellConflictsAgain = (ledger: SharedLedger, after: Key | undefined): Promise<Key | undefined> =>
  ledger.with(async () => {
    const { backend, shared } = ledger;
    const { rows: conflicts, next } = await conflictsOf(shared, ledger.host().id, after);
    const over = backend.read((reader) => conflicts.filter((one) => !one.isBoth || !isStored(reader, one)));
    await tellAgain(backend, over);
    return next;
  });

/** A next page has those of the contents that have ended here. */
async function tellAgain(backend: Backend, keys: readonly Key[]): Promise<void> {
  if (keys.length === 0) return;
  await backend.transact((tx) => {
    for (const key of keys) {
      const content = contentOfKey(tx, key);
      if (hasEndedHere(content)) tx.run('UPDATE contents SET told = 0 WHERE row = ? AND told = 1', content.row);
    }
  });
}

const isStored = (reader: Reader, key: Key): boolean => {
  const content = contentOfKey(reader, key);
  return hasEndedHere(content) && content.state !== 'withdrawn';
};

/**
 * Compares a page of what PostgreSQL has as carried here. It gives up what no content of the ledger explains, open or ended, and tells
 * again what has ended: a failover may lose an end whose answer is recorded here later. There it is read first, then here: who asks
 * meanwhile has put a newer number there. Returns the last key of the page, to go on after.
 */
export const compareCarried = (ledger: SharedLedger, after: Key | undefined): Promise<Key | undefined> =>
  ledger.with(async () => {
    const { backend, shared, emit } = ledger;
    const { rows: there, next } = await carriedBy(shared, ledger.host().id, after);
    const unexplained: CarriedRow[] = [];
    const ended: CarriedRow[] = [];
    backend.read((reader) => {
      for (const row of there) {
        const content = contentOfKey(reader, row);
        if (content === undefined || content.state === 'elsewhere') unexplained.push(row);
        else if (hasEnded(content)) ended.push(row);
      }
    });
    await tellAgain(backend, ended);
    if (unexplained.length > 0) {
      const rows = await keep(ledger, dropCarried(unexplained));
      if (rows.length > 0) emit('shared_rows_given_up', { contents: rows.length });
    }
    return next;
  });

export const live = (ledger: SharedLedger, isOnce: boolean): Promise<unknown> =>
  ledger.with(() => keep(ledger, beat(figuresOf(ledger, isOnce))));

async function keep<Row>(ledger: SharedLedger, statement: Statement<Row>): Promise<readonly Row[]> {
  const { rows, revision } = await ledger.send(statement);
  await ledger.backend.transact((tx) => noteRevision(tx, revision));
  return rows;
}

function figuresOf({ backend }: SharedLedger, isOnce: boolean): Figures {
  const stats = backend.stats();
  const sum = (of: (one: (typeof stats)[number]) => number): number => stats.reduce((all, one) => all + of(one), 0);
  const open = stats.filter((one) => onTheWay(one) > 0);
  return {
    waiting: sum(onTheWay),
    held: sum(({ held }) => held),
    oldest_seconds: Math.round(Math.max(0, ...open.map(({ oldestAgeMs }) => oldestAgeMs)) / 1_000),
    files_processed: processed(backend).files,
    gates_closed: backend.gates().length,
    untold: backend.read(untold),
    once: isOnce,
  };
}

/** A longer round would keep the sign of life waiting, and the end of its process. */
const ROUND_MS = 5_000;
/** The last round of a run from cron may take longer: the next one may be a day away. */
const LAST_MS = 60_000;
const BEAT_EVERY_MS = 10_000;
const CONFLICTS_EVERY_MS = 60_000;

/** The rounds of one process, for a timer that calls `round` every second. */
export class SharingRounds {
  #beatMs = Number.NEGATIVE_INFINITY;
  #conflictsMs = Number.NEGATIVE_INFINITY;
  #conflict: Key | undefined;
  #carried: Key | undefined;
  /** The code of the last failure; undefined after a success. */
  #away: string | undefined;

  constructor(
    private readonly ledger: SharedLedger,
    private readonly isOnce: boolean,
  ) {}

  /**
   * A failure is logged once, and tried again by the next round. `isLast`: the figures at its end stay until the next start, which
   * may be a day away.
   */
  async round(isLast = false): Promise<void> {
    const { shared, emit } = this.ledger;
    try {
      await this.#all(isLast);
      if (isLast) await live(this.ledger, this.isOnce);
      if (this.#away !== undefined) emit('shared_ledger_back', { ledger: shared.where });
      this.#away = undefined;
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      if (this.#away !== error.code)
        emit('shared_ledger_away', { ledger: shared.where, code: error.code, reason: error.message });
      this.#away = error.code;
    }
  }

  async #all(isLast: boolean): Promise<void> {
    const nowMs = performance.now();
    const isBeat = nowMs - this.#beatMs >= BEAT_EVERY_MS;
    if (isBeat) {
      this.#beatMs = nowMs;
      await live(this.ledger, this.isOnce);
    }
    // A run from cron reads all pages at its end, since the next one begins with the first: files of other hosts wait for this.
    const isEnd = isLast && this.isOnce;
    if (isEnd) this.#carried = undefined;
    if (isBeat || isEnd)
      do this.#carried = await compareCarried(this.ledger, this.#carried);
      while (isEnd && this.#carried !== undefined && performance.now() < nowMs + LAST_MS);
    const endMs = performance.now() + ROUND_MS;
    for (let after: number | undefined = 0; after !== undefined && performance.now() < endMs; )
      after = await tell(this.ledger, after);
    // After telling: other hosts' files wait for that.
    if (this.#conflict === undefined && nowMs - this.#conflictsMs < CONFLICTS_EVERY_MS) return;
    do this.#conflict = await tellConflictsAgain(this.ledger, this.#conflict);
    while (this.#conflict !== undefined && performance.now() < endMs);
    this.#conflictsMs = nowMs;
  }
}
