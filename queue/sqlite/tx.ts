/**
 * The write transaction as callers see it. One object serves one transaction after the other.
 * Guarantees: nothing runs outside a transaction. Counts and requests of a savepoint that is rolled back are dropped
 * with it.
 */
import assert from 'node:assert/strict';
import type Database from 'better-sqlite3';
import type { Amend, GateName, Job, JobId, StageName, Tx } from '../backend.js';
import { StateUnwritable } from '../errors.js';
import { assertTransition } from '../states.js';
import { adopt } from './adopt.js';
import { closeGate, endedGates, gates, openGate } from './gate.js';
import { AMENDED, amendedBy, jobById, jobsWhere, payloadText, Rows } from './rows.js';
import { Tally } from './tally.js';

/** The values by which a job counts in the depths. */
export type Standing = Pick<Job, 'feed' | 'stage' | 'bytes' | 'createdAtMs'>;

const OURS = "SELECT 1 FROM jobs WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?";
const RELEASE = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, waits_on = NULL, updated_ms = ?,
  ${AMENDED} WHERE id = ?`;
const WAKE = `INSERT OR IGNORE INTO wakes SELECT value FROM json_each(?) AS asked
  WHERE EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND waits_on = asked.value)`;
const AMEND = 'UPDATE jobs SET payload = coalesce(?, payload), identity = coalesce(?, identity) WHERE id = ?';

export class SqliteTx extends Rows implements Tx {
  nowMs = 0;
  wallMs = 0;
  /** Jobs are due that other processes may take: ring the doorbell after the commit. */
  madeReady = false;
  /** Something changed that concerns this process's own timers. */
  madeDueLater = false;
  /** Wakes must be continued after the commit. */
  wakesAsked = false;
  readonly tally = new Tally();

  constructor(
    db: Database.Database,
    readonly path: string,
  ) {
    super(db);
  }

  override statement(sql: string): Database.Statement<unknown[]> {
    this.#assertUnderWay();
    return super.statement(sql);
  }

  protected override raw(sql: string): Database.Statement<unknown[]> {
    this.#assertUnderWay();
    return super.raw(sql);
  }

  begin(nowMs: number, wallMs: number): void {
    this.nowMs = nowMs;
    this.wallMs = wallMs;
    this.madeReady = false;
    this.madeDueLater = false;
    this.wakesAsked = false;
    this.tally.begin();
  }

  /**
   * After a full disk ended the transaction, the next write of a caller that continued would be committed alone (this
   * happened).
   */
  #assertUnderWay(): void {
    if (this.db.inTransaction) return;
    throw new StateUnwritable('state_io', `SQLite ended a transaction on ${this.path}: check its disk.`);
  }

  /** Runs `fn` in its own savepoint. If it throws, its writes are undone, unless SQLite ended the whole transaction. */
  isolated<T>(fn: () => T): T {
    const savepoint = this.tally.savepoint();
    this.run('SAVEPOINT isolated');
    try {
      const answer = fn();
      this.run('RELEASE isolated');
      return answer;
    } catch (error) {
      this.tally.forgetSince(savepoint);
      if (this.db.inTransaction) {
        this.run('ROLLBACK TO isolated');
        this.run('RELEASE isolated');
      }
      throw error;
    }
  }

  readonly job: Tx['job'] = (id) => jobById(this, id);
  readonly isOurs: Tx['isOurs'] = ({ id, owner, claimNo }) => this.get(OURS, id, owner, claimNo) !== undefined;
  readonly oldestWaiter: Tx['oldestWaiter'] = (on) =>
    jobsWhere(this, "state = 'waiting' AND waits_on = +? ORDER BY due_ms, seq LIMIT 1", on)[0];

  release(id: JobId, stage: StageName, amend: Amend = {}): void {
    const job = this.job(id);
    assert(job, `no job ${id} to release`);
    const state = assertTransition('wake', job.state);
    this.run(RELEASE, state, stage, this.nowMs, this.wallMs, ...amendedBy(amend, payloadText(amend)), id);
    this.moved(job, { ...job, stage, bytes: amend.bytes ?? job.bytes });
    this.madeReady = true;
  }

  wake(on: readonly string[]): void {
    if (on.length > 0 && this.run(WAKE, JSON.stringify(on)).changes > 0) this.wakesAsked = true;
  }

  readonly gates: Tx['gates'] = () => gates(this);
  readonly endedGates: Tx['endedGates'] = () => endedGates(this);
  readonly closeGate: Tx['closeGate'] = (gate) => closeGate(this, gate);

  openGate(gate: GateName): boolean {
    const was = openGate(this, gate);
    if (was) this.madeReady = true;
    return was;
  }

  amend(id: JobId, amend: Pick<Amend, 'payload' | 'identity'>): void {
    const { changes } = this.run(AMEND, payloadText(amend), amend.identity ?? null, id);
    assert(changes === 1, `no job ${id} to amend`);
  }

  readonly adopt: Tx['adopt'] = (found) => adopt(this, found);
  readonly count: Tx['count'] = (feed, stage, name, files, bytes) => this.tally.count(feed, stage, name, files, bytes);

  /**
   * Must be called by each statement that changes a `Standing`: a job that is not done moved, is new (`from` undefined)
   * or done (`to` undefined).
   */
  moved(from: (Standing & Pick<Job, 'id'>) | undefined, to: Standing | undefined): void {
    if (from) this.tally.depth(from.feed, from.stage, secondOf(from), -1, -from.bytes);
    if (to) this.tally.depth(to.feed, to.stage, secondOf(to), 1, to.bytes);
    else if (from) this.tally.ended(from.id);
  }

  /** A job has left a stage, for the next one or for good, `ms` after it entered it. */
  tookIn(feed: string, stage: StageName, ms: number): void {
    this.tally.duration(feed, stage, ms);
  }
}

const secondOf = ({ createdAtMs }: Standing): number => Math.floor(createdAtMs / 1000);
