/**
 * This process's side of the ledger that hosts share: it asks which host has a content, sends the outbox, and sends heartbeats.
 * Guarantees: a row of this host that nothing here belongs to any more is taken over by a job that asks for its content, or given up.
 * It is never taken from a job that may still ask. Outbox entries of a content are sent before it is asked about again.
 * Does not: keep anything that another process of the state needs. All of that is in the state.
 */
import { randomUUID } from 'node:crypto';
import type { Backend, Reader } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PlaceError } from '../../files/place-error.js';
import { type Answer, ask, type Question } from '../../fleet/ask.js';
import { type Rows, SharedConnection } from '../../fleet/connection.js';
import { SharedError } from '../../fleet/errors.js';
import { BEAT_MS, beat, enterHost, type Figures, type Watch } from '../../fleet/hosts.js';
import { checkSchema } from '../../fleet/schema.js';
import { noteCounter, takeOver } from '../../fleet/send.js';
import type { ByteName } from '../../linux/names.js';
import { type AskedFile, isClaimKnown, type Says } from '../outbox/claims.js';
import { noteIncarnation, type SharedHost, sharedHost } from '../outbox/host.js';
import { isUnsent, lastNoted } from '../outbox/outbox.js';
import { compareCarried } from './compare-carried.js';
import { figuresReader } from './figures.js';
import { placeOfState } from './place.js';
import { sendAll } from './send-all.js';
import { sendHolds, sendOutbox } from './send-outbox.js';
import { sweep } from './sweep.js';

export type Emit = (event: string, fields: Record<string, unknown>) => void;

const SEND_EVERY_MS = 1_000;
const SWEEP_EVERY_MS = 3_600_000;

export class SharedLedger {
  readonly #connection: SharedConnection;
  readonly #figures: () => Figures;
  readonly #watched: { watch?: Watch | undefined } = {};
  /** Why the shared ledger was not available at the last attempt. */
  #away: string | undefined;
  #isClosed = false;

  constructor(
    private readonly backend: Backend,
    private readonly statePath: string,
    url: string,
    private readonly emit: Emit,
  ) {
    this.#connection = new SharedConnection(url, (shared) => this.#greet(shared));
    this.#figures = figuresReader(backend);
  }

  /** Returns one answer for each file; a string says why the ledger refuses that file. Errors: PlaceError `ledger`. */
  async ask(feed: FeedOptions, files: readonly AskedFile[]): Promise<(Says | string)[]> {
    try {
      const host = await this.#entered();
      const isOpen = this.backend.read((reader) => files.some(({ sha256 }) => isUnsent(reader, sha256)));
      if (isOpen) await sendOutbox(this.backend, this.#connection, host.id);
      // A batch asks once for each content. Its second file gets the same answer.
      const first = new Map(files.map((file) => [file.sha256.toString('hex'), file]));
      const answers = await this.#answered(
        host,
        [...first.values()].map((file) => questionOf(file, feed)),
      );
      const says = new Map([...first.keys()].map((hex, i) => [hex, answers[i]!]));
      return files.map((file) => {
        const hex = file.sha256.toString('hex');
        const one = says.get(hex)!;
        if (typeof one === 'string' || first.get(hex) === file || one.kind !== 'mine') return one;
        return { kind: 'own', generation: one.generation };
      });
    } catch (error) {
      throw this.#asPlace(error);
    }
  }

  /** Checks that the shared ledger answers. Errors: PlaceError `ledger`. */
  async probe(): Promise<void> {
    try {
      const { id, incarnation } = await this.#entered();
      await beat(this.#connection, id, incarnation);
    } catch (error) {
      throw this.#asPlace(error);
    }
  }

  /** The periodic work, and how often each part runs. */
  readonly rounds: readonly { everyMs: number; act: () => Promise<void> }[] = [
    { everyMs: SEND_EVERY_MS, act: () => this.#send() },
    { everyMs: BEAT_MS, act: () => this.#live() },
    { everyMs: SWEEP_EVERY_MS, act: () => this.#sweep() },
  ];

  /** Sends the entries of the outbox. */
  #send = (): Promise<void> =>
    this.#quietly(async ({ id }) => this.#logConflicts(await sendOutbox(this.backend, this.#connection, id)));
  /** Sends a heartbeat, the figures and the holds of this host. */
  #live = (): Promise<void> =>
    this.#quietly(async ({ id, incarnation }) => {
      await beat(this.#connection, id, incarnation, this.#figures());
      await sendHolds(this.backend, this.#connection, id);
    });
  /** Compares in both directions: rows there without a job here, and contents on their way here that others have there. */
  #sweep = (): Promise<void> =>
    this.#quietly(async ({ id }) => {
      const left = await sweep(this.backend, this.#connection, id);
      if (left > 0) this.emit('shared_rows_given_up', { contents: left });
      this.#logElsewhere(await compareCarried(this.backend, this.#connection, id));
    });

  /** Sends the rest of the outbox if the ledger answers: the next start may be far away. */
  async leave(): Promise<void> {
    if (this.#away === undefined) await this.#send();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection.close();
  }

  /** Background work. A failure is logged once, and tried again at its next time. */
  async #quietly(act: (host: SharedHost) => Promise<void>): Promise<void> {
    if (this.#isClosed) return;
    try {
      await act(await this.#entered());
      if (this.#away !== undefined) this.emit('shared_ledger_back', { ledger: this.#connection.where });
      this.#away = undefined;
    } catch (error) {
      if (!(error instanceof SharedError)) throw error;
      if (this.#away === error.code || this.#isClosed) return;
      this.#away = error.code;
      this.emit('shared_ledger_away', { ledger: this.#connection.where, code: error.code, reason: error.message });
    }
  }

  #logConflicts(conflicts: number): void {
    if (conflicts > 0) this.emit('content_stored_twice', { ledger: this.#connection.where, contents: conflicts });
  }

  #logElsewhere(contents: number): void {
    if (contents > 0) this.emit('carried_elsewhere', { ledger: this.#connection.where, contents });
  }

  /** The host with the incarnation that the server knows, on a connection that was greeted. */
  async #entered(): Promise<SharedHost> {
    await this.#connection.ready();
    return this.backend.read(sharedHost)!;
  }

  /** Runs for each new connection: another server may answer, or the host may have moved. */
  async #greet(shared: Rows): Promise<void> {
    await checkSchema(shared);
    const known = this.backend.read(sharedHost)!;
    const { incarnation, counter } = await enterHost(
      shared,
      { id: known.id, place: placeOfState(this.statePath) },
      known.incarnation,
      this.#watched,
    );
    if (counter > this.backend.read(lastNoted)) throw rolledBack(shared.where, known);
    if (incarnation !== known.incarnation) await this.backend.transact((tx) => noteIncarnation(tx, incarnation));
    if (counter >= known.sent) return;
    // The server was restored, or a standby without the last changes took over: those changes are sent again before any question.
    this.emit('shared_ledger_rolled_back', { ledger: shared.where, told: known.sent, known: counter });
    const { sent, elsewhere, carriedElsewhere } = await sendAll(this.backend, shared, known.id);
    await noteCounter(shared, known.id, known.sent);
    this.emit('shared_ledger_told_again', { ledger: shared.where, contents: sent, stored_twice: elsewhere });
    this.#logElsewhere(carriedElsewhere);
  }

  /** Asks once more when the outcome is unknown: a repeated question gets the answer of the first. */
  async #answered(host: SharedHost, questions: Question[]): Promise<(Says | string)[]> {
    const asker = { host: host.id, incarnation: host.incarnation };
    let answers: readonly Answer[];
    try {
      answers = await ask(this.#connection, asker, questions).catch((error) => {
        if (error instanceof SharedError && error.kind === 'unknown') return ask(this.#connection, asker, questions);
        throw error;
      });
    } catch (error) {
      if (!(error instanceof SharedError && error.kind === 'row')) throw error;
      if (questions.length === 1) return [error.message];
      const half = questions.length >> 1;
      const front = await this.#answered(host, questions.slice(0, half));
      return [...front, ...(await this.#answered(host, questions.slice(half)))];
    }
    return Promise.all(answers.map((answer, i) => this.#says(host, questions[i]!, answer)));
  }

  async #says(host: SharedHost, question: Question, answer: Answer): Promise<Says> {
    const { generation } = answer;
    switch (answer.kind) {
      case 'mine':
        return { kind: 'mine', generation, claim: question.claim };
      case 'stored':
        return {
          kind: 'stored',
          generation,
          host: answer.hostName,
          target: (answer.target?.toString('latin1') ?? '') as ByteName,
        };
      case 'carried':
        return { kind: 'carried', generation, host: answer.hostName, held: answer.held, heldSince: answer.heldSince };
      case 'own':
        if (answer.state === 'carried' && this.backend.read((reader) => isLeft(reader, answer, question.job))) {
          const { sha256, feed, claim, job } = question;
          const left = { sha256, feed, generation, claim: answer.claim };
          if (await takeOver(this.#connection, host.id, left, { claim, job }))
            return { kind: 'mine', generation, claim };
        }
        if (answer.state === 'stored') return { kind: 'stored', generation, host: host.name, target: '' as ByteName };
        return { kind: 'own', generation };
    }
  }

  #asPlace(error: unknown): unknown {
    if (!(error instanceof SharedError)) return error;
    return new PlaceError('ledger', this.#connection.where, error.code, error.message);
  }
}

/** The time of arrival counts for a file that waited, not the time of the question. */
const questionOf = (
  { job, sha256, size, waitedMs }: AskedFile,
  { name, sameContentAgainAfterMs: againMs }: FeedOptions,
): Question => ({
  sha256,
  feed: name,
  claim: randomUUID(),
  job,
  size,
  ...(againMs !== undefined && { againAfterMs: againMs + waitedMs }),
});

/**
 * A row of this host that its ledger does not know, and whose job cannot be asking for it at this moment: that job is the asking one,
 * or is not claimed.
 */
const isLeft = (reader: Reader, { claim, job }: { claim: string; job: string }, asks: string): boolean =>
  !isClaimKnown(reader, claim) &&
  (job === asks || reader.get("SELECT 1 FROM all_jobs WHERE id = ? AND state = 'claimed'", job) === undefined);

const rolledBack = (where: string, { id }: SharedHost): SharedError =>
  new SharedError(
    'place',
    'host_rolled_back',
    `the shared ledger ${where} has more entries of this host (${id}) than its state: the state is an older copy, and contents that it stored since are missing here. Put the newest state back; or run ingest-ctl rebuild, which records the files in the warehouse, and ingest-ctl host lost --yes, which frees contents whose files are gone`,
  );
