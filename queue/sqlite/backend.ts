/**
 * The SQLite backend: one process as one owner. Each verb is in its own file; here they share the committer.
 * Guarantees: see queue/backend.ts.
 * Does not: run anything by itself, except the doorbell's check once a second.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type {
  Also,
  Backend,
  Candidate,
  ClaimedJob,
  EnqueueAnswer,
  Gate,
  JobId,
  OnStuck,
  OwnerId,
  Payload,
  Rescue,
  SettleAnswer,
  Settlement,
  StageName,
} from '../backend.js';
import { isFull, QueueError, StateUnwritable } from '../errors.js';
import { limits } from '../limits.js';
import type { Owners } from '../owners.js';
import { ulidFactory } from '../ulid.js';
import { amendHeld } from './amend.js';
import { fileVersion } from './check.js';
import { claim, nextDueMs, Turns } from './claim.js';
import type { Committer } from './commit.js';
import type { Doorbell } from './doorbell.js';
import { answersWithoutWriting, enqueue } from './enqueue.js';
import { forget } from './forget.js';
import { probeIsDue, putBackProbe, takeProbe } from './gate.js';
import { newerDatabase } from './migrations.js';
import type { StageOrder } from './outcome.js';
import { findDead, freeClaims, rescueOne } from './rescue.js';
import { retire } from './retire.js';
import { keeping, settle } from './settle.js';
import type { SqliteTx } from './tx.js';
import { SqliteView, type ViewParts } from './view.js';
import { wakeAll } from './wake.js';

const NONE: ReadonlySet<StageName> = new Set();

export interface OwnerParts extends ViewParts {
  owners: Owners;
  owner: OwnerId;
  committer: Committer;
  doorbell: Doorbell;
  maxAttempts: number;
  next: StageOrder['next'];
  isMissed: (title: string) => boolean;
}

export class SqliteBackend extends SqliteView implements Backend {
  readonly owner: OwnerId;
  readonly #newId: () => JobId;
  readonly #turns = new Turns();
  /** At the last call of `#othersWrite`. */
  #dataVersion: number | undefined;
  #othersWroteMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(protected override readonly parts: OwnerParts) {
    super(parts);
    this.owner = parts.owner;
    this.#newId = ulidFactory(parts.clock.wallMs);
  }

  async putFeed(name: string, options: Payload): Promise<void> {
    const text = JSON.stringify(options);
    const same = this.read((rows) => rows.get('SELECT 1 FROM feeds WHERE name = ? AND options = ?', name, text));
    if (same) return;
    await this.transact((tx) =>
      tx.run('INSERT INTO feeds VALUES (?, ?) ON CONFLICT DO UPDATE SET options = excluded.options', name, text),
    );
  }

  readonly retireFeed: Backend['retireFeed'] = (name) => this.#commit((tx) => retire(tx, name));

  async enqueue(batch: readonly Candidate[]): Promise<EnqueueAnswer[]> {
    const answers: EnqueueAnswer[] = [];
    while (answers.length < batch.length) {
      const shared = this.#othersWrite();
      if (shared && answers.length > 0) await delay(limits.courtesyMs);
      const most = shared ? limits.enqueueSharedMax : limits.enqueueBatchMax;
      const piece = batch.slice(answers.length, answers.length + most);
      const known = this.read((rows) => answersWithoutWriting(rows, piece, this.nowMs()));
      answers.push(...(known ?? (await this.#commit((tx) => enqueue(tx, piece, this.stages[0]!, this.#newId)))));
    }
    return answers;
  }

  /** True if another process wrote within the last second: while it waits for its turn, it has not written recently. */
  #othersWrite(): boolean {
    const version = this.read(() => this.parts.rows.pragma('data_version'));
    const nowMs = this.nowMs();
    if (version !== (this.#dataVersion ?? version)) this.#othersWroteMs = nowMs;
    this.#dataVersion = version;
    return nowMs - this.#othersWroteMs < limits.courtesyForMs;
  }

  async claim(stage: StageName, max: number, bytesMax = Number.POSITIVE_INFINITY): Promise<ClaimedJob[]> {
    // An idle stage must not write, and must not wait for a writer.
    if (this.read((rows) => this.#refuseNewer() ?? nextDueMs(rows, stage)) > this.nowMs()) return [];
    return this.#commit((tx) =>
      claim(tx, stage, { max: Math.min(max, limits.claimBatchMax), bytesMax }, this.owner, this.#turns),
    );
  }

  async settle(
    settlements: readonly Settlement[],
    keep: ReadonlySet<StageName> = NONE,
    also?: Also,
  ): Promise<SettleAnswer[]> {
    if (settlements.length === 0) return [];
    const { stages, next, maxAttempts } = this.parts;
    return this.#commit((tx) => settle(tx, settlements, { stages, next, maxAttempts, keeps: keeping(tx, keep) }, also));
  }

  readonly amendHeld: Backend['amendHeld'] = (ids, decide) =>
    this.#commit((tx) => amendHeld(tx, ids, decide, this.parts));
  readonly transact: Backend['transact'] = (fn) => this.#commit(fn);
  readonly forget: Backend['forget'] = (seqs, wallMs) => this.#commit((tx) => forget(tx, seqs, wallMs));

  async takeProbe(gate: Gate): Promise<boolean> {
    const { owners, clock } = this.parts;
    const isAlive = (id: OwnerId) => owners.isAlive(id);
    // Most gates are not due, and then nothing is written.
    if (!this.read((rows) => probeIsDue(rows, gate, clock.nowMs(), this.owner, isAlive))) return false;
    return this.#commit((tx) => takeProbe(tx, gate, this.owner, isAlive));
  }

  get wakes(): boolean {
    return this.read((rows) => rows.get('SELECT 1 FROM wakes LIMIT 1') !== undefined);
  }

  readonly putBackProbe: Backend['putBackProbe'] = (gate, inMs) =>
    this.#commit((tx) => putBackProbe(tx, gate, this.owner, inMs));

  async rescue(onStuck?: OnStuck): Promise<Rescue[]> {
    const { owners, committer, isMissed } = this.parts;
    const { dead, wakes } = this.read((rows) => ({
      dead: findDead(rows, owners),
      wakes: this.wakes,
    }));
    const rescues: Rescue[] = [];
    for (const one of dead) {
      const rescue = await this.#commit((tx) => rescueOne(tx, one, isMissed, onStuck));
      if (rescue) rescues.push(rescue);
    }
    if (wakes) await wakeAll(committer);
    return rescues;
  }

  readonly threadSlot: Backend['threadSlot'] = (n) => this.parts.owners.threadSlot(n);
  readonly clearThreadSlots: Backend['clearThreadSlots'] = () => this.parts.owners.clearThreadSlots();
  readonly noteThreadHang: Backend['noteThreadHang'] = (n, threadJob) => this.parts.owners.noteThreadHang(n, threadJob);

  beat(inProgress: { job: JobId | null; place: string }): void {
    try {
      this.parts.owners.beat(inProgress, this.nowMs());
    } catch (error) {
      // The disk is full, and its filesystem never writes in place. The next heartbeat comes soon.
      if (!isFull(error)) throw error;
    }
  }

  readonly onWork: Backend['onWork'] = (listener) => this.parts.doorbell.onWork(listener);

  override close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { owners, committer, doorbell, opened } = this.parts;
    let isWhole = false;
    try {
      await this.#commit((tx) => {
        freeClaims(tx, this.owner);
        tx.run('UPDATE gates SET prober = NULL, probe_due_ms = ? WHERE prober = ?', tx.nowMs, this.owner);
        tx.run('DELETE FROM owners WHERE id = ?', this.owner);
      });
      isWhole = true;
    } catch (error) {
      // The free lock has the same effect: the next process that can write gives the claims back. No job was in
      // progress.
      if (!(error instanceof StateUnwritable || isNewer(error))) throw error;
      owners.beat({ job: null, place: '' }, this.nowMs());
    } finally {
      await committer.idle();
      doorbell.close();
      this.parts.rows.db.close();
      if (isWhole) owners.leave(() => fileVersion(opened.path));
      owners.close();
    }
  }

  #commit<T>(fn: (tx: SqliteTx) => T): Promise<T> {
    return this.parts.committer.submit(fn);
  }

  #refuseNewer(): undefined {
    const { opened, rows } = this.parts;
    if (rows.pragma('user_version') > opened.version) throw newerDatabase(opened.path);
    return undefined;
  }
}

/** A newer build has changed the state, so nothing may be written any more. */
const isNewer = (error: unknown): boolean => error instanceof QueueError && error.code === 'newer_database';
