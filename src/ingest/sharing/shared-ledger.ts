/**
 * One process's way to the shared ledger. Before its first statement, and where a fence let nothing in, it looks at its host's row:
 * has PostgreSQL become older, is this state an older copy, is this host at another place by now?
 * Guarantees: what a statement depends on is read just before each attempt; a refused process asks no more, and says why.
 * Does not: wait. Where another place has to be watched, it is refused for now, and the next attempt goes on watching.
 */
import type { Backend } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { PlaceError } from '../../files/place-error.js';
import { SharedDatabase } from '../../shared-ledger/database.js';
import { SharedError } from '../../shared-ledger/errors.js';
import { enter, type HostRow, hostOfId } from '../../shared-ledger/hosts.js';
import { checkSchema } from '../../shared-ledger/schema.js';
import type { Statement } from '../../shared-ledger/statements.js';
import { JOINING, noteRevision, type SharingHost, sharingHost } from '../ledger/host.js';
import { placeOfState } from './place.js';

/** A former place must be silent for so long while it is watched. A host has a heartbeat every ten seconds. */
export const SILENT_MS = 30_000;
/** Attempts where the server undid the statement, or the fence let nothing in; and where there was no answer. */
const AGAIN_MAX = 8;
const CUT_MAX = 2;

export class SharedLedger {
  readonly shared: SharedDatabase;
  readonly #place: string;
  #greeting: Promise<void> | undefined;
  #isGreeted = false;
  #refused: SharedError | undefined;
  #watched: { revision: number; sinceMs: number } | undefined;

  constructor(
    readonly backend: Backend,
    readonly statePath: string,
    readonly url: string,
    readonly emit: Emit,
  ) {
    this.shared = new SharedDatabase(url);
    this.#place = placeOfState(statePath);
  }

  /** Repeats `act` where that is safe: it reads everything again. Errors: PlaceError `ledger`. */
  async with<T>(act: () => Promise<T>): Promise<T> {
    const tries = { again: AGAIN_MAX, cut: CUT_MAX, refused: 1 };
    for (;;) {
      try {
        await this.#greet();
        return await act();
      } catch (error) {
        if (!(error instanceof SharedError)) throw error;
        tries[error.kind] -= 1;
        if (tries[error.kind] === 0) throw new PlaceError('ledger', this.shared.where, error.code, error.message);
      }
    }
  }

  /** Sends one fenced statement. `revision`: to be recorded with what came back. Errors: SharedError. */
  async send<Row>(statement: Statement<Row>): Promise<{ rows: Row[]; revision: number }> {
    const answer = await statement(this.shared, { ...this.host(), place: this.#place });
    if (answer && answer.seq <= this.host().seq) return answer;
    this.#isGreeted = false;
    throw new SharedError(
      'again',
      'fenced',
      `the shared ledger ${this.shared.where} let a statement of this host not in`,
    );
  }

  host(): SharingHost {
    const host = this.backend.read(sharingHost);
    if (!host)
      throw this.#refuse(
        'host_not_joined',
        `this state has not joined the shared ledger ${this.shared.where}: ${JOIN}`,
      );
    return host;
  }

  close = (): Promise<void> => this.shared.close();

  #greet(): Promise<void> {
    if (this.#refused) throw this.#refused;
    if (this.#isGreeted) return Promise.resolve();
    this.#greeting ??= this.#look().finally(() => {
      this.#greeting = undefined;
    });
    return this.#greeting;
  }

  async #look(): Promise<void> {
    await checkSchema(this.shared);
    for (;;) {
      const before = this.host();
      const row = await hostOfId(this.shared, before.id);
      const isBehind = await this.#judge(before, row);
      if (row!.place === this.#place && !isBehind) return this.#entered(row!);
      if (row!.place !== this.#place) this.#watch(before, row!, isBehind);
      // The place is noted before it is entered: a process that dies in between finds itself there.
      const places = [...new Set([...before.places, row!.place!, this.#place])];
      await this.backend.transact((tx) => tx.run('UPDATE host SET places = ?', JSON.stringify(places)));
      const now = this.host();
      if (now.revision !== before.revision) continue;
      const entered = await enter(this.shared, row!, { ...now, place: this.#place });
      if (!entered) continue;
      this.emit('shared_ledger_entered', { ledger: this.shared.where, host: before.name });
      return this.#entered(entered);
    }
  }

  /** Returns whether PostgreSQL was restored to an older moment. Of several processes that see it, one begins again. */
  async #judge(before: SharingHost, row: HostRow | undefined): Promise<boolean> {
    const now = this.host();
    const { where } = this.shared;
    if (now.cursor === JOINING)
      throw this.#refuse('host_not_joined', `this state has not finished joining the shared ledger ${where}: ${JOIN}`);
    if (!row || row.place === null)
      throw this.#refuse(
        'host_forgotten',
        `the shared ledger ${where} ${row ? 'has forgotten' : 'does not know'} this host (${now.name}), and what it carried was given to others: ${JOIN}`,
      );
    if (row.seq > now.seq)
      throw this.#refuse(
        'state_older',
        `the shared ledger ${where} knows more of this host (${now.name}) than its state: the state is an older copy, and contents that it stored since are missing in it. Put the newest state back, or run ingest-ctl rebuild and then ingest-ctl host join ${now.name}; a copy that is to work beside the original joins with another name`,
      );
    const isBehind = row.revision < before.revision;
    if (isBehind) {
      const isFirst = await this.backend.transact((tx) => {
        const { since } = sharingHost(tx)!;
        if (since !== before.since) return false;
        tx.run('UPDATE host SET seq = seq + 1, since = seq + 1, cursor = 0');
        return true;
      });
      if (isFirst) this.emit('shared_ledger_older', { ledger: where, host: now.name });
    }
    return isBehind;
  }

  /** Another place is entered once the former one was silent, if that is the place that this state entered last. */
  #watch({ places, name }: SharingHost, row: HostRow, isBehind: boolean): void {
    const { where } = this.shared;
    if (!isBehind && !places.includes(row.place!))
      throw this.#refuse(
        'host_replaced',
        `the shared ledger ${where} has this host (${name}) at another place: this state is a copy, or was moved while a copy went on. If this one counts, stop the other and run ingest-ctl host join ${name}; if both are to work, ingest-ctl host join with another name`,
      );
    if (this.#watched?.revision !== row.revision)
      this.#watched = { revision: row.revision, sinceMs: performance.now() };
    if (performance.now() - this.#watched.sinceMs >= SILENT_MS) return;
    throw new SharedError(
      'refused',
      'host_watched',
      `this host (${name}) was last at another place, and is watched for ${SILENT_MS / 1_000} s whether it is alive there; ingest-ctl host join ${name} does not wait`,
    );
  }

  async #entered({ revision }: HostRow): Promise<void> {
    await this.backend.transact((tx) => {
      tx.run('UPDATE host SET places = ?', JSON.stringify([this.#place]));
      noteRevision(tx, revision);
    });
    this.#isGreeted = true;
  }

  /** Final for this process. */
  #refuse(code: string, sentence: string): SharedError {
    this.#refused = new SharedError('refused', code, sentence);
    return this.#refused;
  }
}

const JOIN = 'stop its processes and run ingest-ctl host join NAME';
