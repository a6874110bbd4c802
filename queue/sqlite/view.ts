/**
 * The reading half of the backend, for viewers and as the base of the owner's half.
 * Guarantees: each read is one short transaction whose rows are copied out. Nothing is written.
 */
import type { Backend, QueueView, Reader, StageName } from '../backend.js';
import type { Clock } from '../clock.js';
import { type QueueError, sqlCodeOf, typedSqlError } from '../errors.js';
import type { Owners } from '../owners.js';
import { nextDueMs } from './claim.js';
import { retryWhileBusy } from './commit.js';
import { depths, depthsByAge, heldDepths } from './depths.js';
import { durations, endings, heldFor, inProgress, reasons } from './details.js';
import { holderOf } from './enqueue.js';
import { endedBefore } from './forget.js';
import { endedGates, gates } from './gate.js';
import { countedAtMs, earlierCounters } from './history.js';
import { newerDatabase } from './migrations.js';
import { checkStillOurs, type Opened } from './open.js';
import { jobById, type Rows } from './rows.js';
import { samples, timesSince } from './samples.js';
import { counters, held, heldKeys, jobsByKey, stats } from './stats.js';

export interface ViewParts {
  opened: Opened;
  rows: Rows;
  clock: Clock;
  stages: readonly StageName[];
  /** Undefined if nobody ever owned this state. */
  owners: Owners | undefined;
}

/** queue/backend.ts describes each call. */
export class SqliteView implements QueueView {
  readonly uuid: string;
  readonly stages: readonly StageName[];

  constructor(protected readonly parts: ViewParts) {
    this.stages = parts.stages;
    this.uuid = this.read((rows) => rows.get<{ value: string }>("SELECT value FROM meta WHERE name = 'uuid'")!.value);
  }

  nowMs(): number {
    return this.parts.clock.nowMs();
  }

  read<T>(fn: (reader: Reader) => T): T {
    const { rows } = this.parts;
    if (rows.db.inTransaction) return fn(rows);
    return retryWhileBusy(() => {
      try {
        rows.run('BEGIN');
        try {
          return fn(rows);
        } finally {
          if (rows.db.inTransaction) rows.run('COMMIT');
        }
      } catch (error) {
        throw this.#newer(error) ?? typedSqlError(error, this.parts.opened.path);
      }
    });
  }

  /** A newer build changed the state so that the statement does not fit any more. That is no bug. */
  #newer(error: unknown): QueueError | undefined {
    const { opened, rows } = this.parts;
    if (sqlCodeOf(error) !== 'SQLITE_ERROR' || rows.pragma('user_version') <= opened.version) return undefined;
    return newerDatabase(opened.path);
  }

  readonly feeds: QueueView['feeds'] = () =>
    this.read((rows) =>
      rows.all<{ name: string; options: string }>('SELECT name, options FROM feeds ORDER BY name'),
    ).map(({ name, options }) => ({ name, options: JSON.parse(options) }));

  readonly feedOptions: QueueView['feedOptions'] = (name) => {
    const row = this.read((rows) => rows.get<{ options: string }>('SELECT options FROM feeds WHERE name = ?', name));
    return row && JSON.parse(row.options);
  };

  readonly holders: QueueView['holders'] = (feed, keys) =>
    this.read((rows) => keys.map((key) => holderOf(rows, feed, key)));

  readonly endedBefore: QueueView['endedBefore'] = (wallMs, after, max) =>
    this.read((rows) => endedBefore(rows, wallMs, after, max));
  readonly job: QueueView['job'] = (id) => this.read((rows) => jobById(rows, id));
  readonly jobsByKey: QueueView['jobsByKey'] = (feed, key) => this.read((rows) => jobsByKey(rows, feed, key));
  readonly held: QueueView['held'] = (filter) => this.read((rows) => held(rows, filter));
  readonly heldKeys: QueueView['heldKeys'] = (filter) => this.read((rows) => heldKeys(rows, filter));
  readonly gates: QueueView['gates'] = () => this.read(gates);
  readonly endedGates: Backend['endedGates'] = () => this.read(endedGates);
  readonly nextDueMs: QueueView['nextDueMs'] = (stage) => this.read((rows) => nextDueMs(rows, stage));

  readonly stats: QueueView['stats'] = (held) => {
    const { clock } = this.parts;
    return this.read((rows) => stats(rows, this.stages, clock.nowMs(), clock.wallMs(), held));
  };

  readonly counters: QueueView['counters'] = () => this.read(counters);
  readonly depths: QueueView['depths'] = () => this.read(depths);
  readonly heldDepths: QueueView['heldDepths'] = () => this.read(heldDepths);
  readonly depthsByAge: QueueView['depthsByAge'] = (bounds) => this.read((rows) => depthsByAge(rows, bounds));
  readonly endings: QueueView['endings'] = (most) => this.read((rows) => endings(rows, most));
  readonly inProgress: QueueView['inProgress'] = (most) => this.read((rows) => inProgress(rows, most));
  readonly reasons: QueueView['reasons'] = () => this.read(reasons);
  readonly heldFor: QueueView['heldFor'] = () => this.read(heldFor);
  readonly durations: QueueView['durations'] = () => this.read(durations);
  readonly earlierCounters: QueueView['earlierCounters'] = (lastMs) =>
    this.read((rows) => earlierCounters(rows, this.parts.clock.wallMs(), lastMs));
  readonly samples: QueueView['samples'] = (feed, lastMs, what = { stages: true }) =>
    this.read((rows) => samples(rows, feed, this.parts.clock.wallMs(), lastMs, what));
  readonly timesSince: QueueView['timesSince'] = (feed, lastMs) =>
    this.read((rows) => timesSince(rows, feed, this.parts.clock.wallMs(), lastMs));
  readonly countedAtMs: QueueView['countedAtMs'] = () => this.read(countedAtMs);

  readonly owners: QueueView['owners'] = () => {
    const { owners } = this.parts;
    if (!owners) return [];
    const known = this.read((rows) => rows.all<{ id: number }>('SELECT id FROM owners ORDER BY id'));
    return known.flatMap(({ id }) => {
      const slot = owners.slot(id);
      return slot?.owner === id ? [{ ...slot, alive: owners.isAlive(id), attendedMs: owners.attendedAt(id) }] : [];
    });
  };

  readonly isAlive: QueueView['isAlive'] = (owner) => this.parts.owners?.isAlive(owner) ?? false;

  checkStillOurs(): void {
    checkStillOurs(this.parts.opened);
  }

  async close(): Promise<void> {
    if (!this.parts.rows.db.open) return;
    this.parts.rows.db.close();
    this.parts.owners?.close();
  }
}
