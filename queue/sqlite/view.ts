/**
 * The reading half of the backend, for viewers and as the base of the owner's half.
 * Guarantees: each read is one short transaction whose rows are copied out. Nothing is written.
 */
import type {
  AgedDepth,
  Backend,
  Counter,
  Depth,
  Duration,
  EndedPage,
  Gate,
  HeldFor,
  HeldKey,
  Job,
  JobId,
  Moment,
  OwnerId,
  OwnerStatus,
  Payload,
  Reader,
  Reason,
  Sample,
  StageName,
  StageStats,
  TimesSince,
} from '../backend.js';
import type { Clock } from '../clock.js';
import { type QueueError, sqlCodeOf, typedSqlError } from '../errors.js';
import type { Owners } from '../owners.js';
import { nextDueMs } from './claim.js';
import { retryWhileBusy } from './commit.js';
import { depths, depthsByAge } from './depths.js';
import { durations, endings, heldFor, inProgress, reasons } from './details.js';
import { holderOf } from './enqueue.js';
import { endedBefore } from './forget.js';
import { endedGates, gates } from './gate.js';
import { countedAtMs, earlierCounters } from './history.js';
import { newerDatabase } from './migrations.js';
import { checkStillOurs, type Opened } from './open.js';
import { jobById, type Rows } from './rows.js';
import { samples, timesSince } from './sampled.js';
import { counters, held, heldKeys, jobsByKey, stats } from './stats.js';

/** The calls that need no owner. */
export type QueueView = Pick<
  Backend,
  | 'uuid'
  | 'stages'
  | 'nowMs'
  | 'feeds'
  | 'feedOptions'
  | 'holders'
  | 'read'
  | 'endedBefore'
  | 'job'
  | 'jobsByKey'
  | 'held'
  | 'heldKeys'
  | 'gates'
  | 'nextDueMs'
  | 'stats'
  | 'counters'
  | 'depths'
  | 'depthsByAge'
  | 'endings'
  | 'inProgress'
  | 'reasons'
  | 'heldFor'
  | 'durations'
  | 'earlierCounters'
  | 'samples'
  | 'timesSince'
  | 'countedAtMs'
  | 'owners'
  | 'isAlive'
  | 'checkStillOurs'
  | 'close'
>;

export interface ViewParts {
  opened: Opened;
  rows: Rows;
  clock: Clock;
  stages: readonly StageName[];
  /** Undefined if nobody ever owned this state. */
  owners: Owners | undefined;
}

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

  feeds(): { name: string; options: Payload }[] {
    const rows = this.read((reader) =>
      reader.all<{ name: string; options: string }>('SELECT name, options FROM feeds ORDER BY name'),
    );
    return rows.map(({ name, options }) => ({ name, options: JSON.parse(options) as Payload }));
  }

  feedOptions(name: string): Payload | undefined {
    const row = this.read((reader) =>
      reader.get<{ options: string }>('SELECT options FROM feeds WHERE name = ?', name),
    );
    return row && (JSON.parse(row.options) as Payload);
  }

  holders(feed: string, keys: readonly Buffer[]): ReturnType<Backend['holders']> {
    return this.read((rows) =>
      keys.map((key) => {
        const holder = holderOf(rows, feed, key);
        if (!holder) return undefined;
        const { id, identity, state, due_ms: dueMs, reason } = holder;
        return { id, identity, state, dueMs, reason };
      }),
    );
  }

  endedBefore(wallMs: number, after: number, max: number): EndedPage {
    return this.read(() => endedBefore(this.parts.rows, wallMs, after, max));
  }

  job(id: JobId): Job | undefined {
    return this.read((rows) => jobById(rows, id));
  }

  jobsByKey(feed: string, key: Buffer): Job[] {
    return this.read((rows) => jobsByKey(rows, feed, key));
  }

  held(filter: { feed?: string; code?: string; limit: number; after?: JobId }): Job[] {
    return this.read((rows) => held(rows, filter));
  }

  heldKeys(filter: { feed?: string; code?: string; limit: number; after?: JobId }): HeldKey[] {
    return this.read((rows) => heldKeys(rows, filter));
  }

  gates(): Gate[] {
    return this.read(gates);
  }

  endedGates(): Gate[] {
    return this.read(endedGates);
  }

  nextDueMs(stage: StageName): number {
    return this.read((rows) => nextDueMs(rows, stage));
  }

  stats(held?: readonly HeldFor[]): StageStats[] {
    const { clock } = this.parts;
    return this.read((rows) => stats(rows, this.stages, clock.nowMs(), clock.wallMs(), held));
  }

  counters(): Counter[] {
    return this.read(counters);
  }

  depths(): Depth[] {
    return this.read(depths);
  }

  depthsByAge(boundSeconds: readonly number[]): AgedDepth[] {
    return this.read((rows) => depthsByAge(rows, boundSeconds));
  }

  endings(most: number): Job[] {
    return this.read((rows) => endings(rows, most));
  }

  inProgress(most: number, owner?: OwnerId): Job[] {
    return this.read((rows) => inProgress(rows, most, owner));
  }

  reasons(): Reason[] {
    return this.read(reasons);
  }

  heldFor(): HeldFor[] {
    return this.read(heldFor);
  }

  durations(): Duration[] {
    return this.read(durations);
  }

  earlierCounters(lastMs: number): Moment | undefined {
    return this.read((rows) => earlierCounters(rows, this.parts.clock.wallMs(), lastMs));
  }

  samples(feed: string, lastMs: number, what = { stages: true }): Sample[] {
    return this.read((rows) => samples(rows, feed, this.parts.clock.wallMs(), lastMs, what));
  }

  timesSince(feed: string, lastMs: number): TimesSince {
    return this.read((rows) => timesSince(rows, feed, this.parts.clock.wallMs(), lastMs));
  }

  countedAtMs(): number | undefined {
    return this.read((rows) => countedAtMs(rows));
  }

  owners(): OwnerStatus[] {
    const { owners } = this.parts;
    if (!owners) return [];
    const known = this.read((rows) => rows.all<{ id: number }>('SELECT id FROM owners ORDER BY id'));
    return known.flatMap(({ id }) => {
      const slot = owners.slot(id);
      return slot?.owner === id ? [{ ...slot, alive: owners.isAlive(id), attendedMs: owners.attendedAt(id) }] : [];
    });
  }

  isAlive(owner: number): boolean {
    return this.parts.owners?.isAlive(owner) ?? false;
  }

  checkStillOurs(): void {
    checkStillOurs(this.parts.opened);
  }

  async close(): Promise<void> {
    if (!this.parts.rows.db.open) return;
    this.parts.rows.db.close();
    this.parts.owners?.close();
  }
}
