/**
 * The running mirror: applies changes from events, tries failed paths again, and scans everything from time to time.
 * Guarantees: one task at a time (except large copies), so no task works on a path that another one is about to move.
 * However this process ends, the full scan of the next start finds the rest.
 * Does not: watch by itself. The events come from outside (index.ts), so tests can run it without a watcher.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { Wake } from '../base/wake.js';
import { errnoOf } from '../files/place-error.js';
import type { ByteName } from '../linux/index.js';
import { KnownCopies } from './acts/known-copies.js';
import { EventRecorder, type SourceEvent } from './changes/event-recorder.js';
import { MirrorLog } from './changes/mirror-log.js';
import { Rechecks } from './changes/rechecks.js';
import { Mirror } from './mirror.js';
import { Missing } from './missing.js';
import { type Opened, openReplica } from './open.js';
import { Retries } from './retries.js';
import { DestMissing } from './trees/failures.js';
import { limits } from './trees/limits.js';
import type { MirrorResult, MirrorStatus, Passed, ReplicateOptions } from './trees/types.js';
import { DestHealth, Trouble } from './trouble.js';

export class Replica {
  readonly #end = new AbortController();
  readonly #wake = new Wake();
  readonly #trouble: Trouble;
  readonly #missing: Missing;
  readonly #knownCopies: KnownCopies;
  readonly #mirror: Mirror;
  readonly #log: MirrorLog;
  #scanAtMs = 0;
  /** When the last full scan started, if it dropped nothing; undefined once that time is stored in DEST. */
  #scannedMs: number | undefined;
  #failed: { error: unknown } | undefined;

  private constructor(
    private readonly options: ReplicateOptions,
    private readonly opened: Opened,
  ) {
    const { emit, compare, sinceMs, dest, hiddenPath } = opened;
    const [{ delete: removes = true, checksum = false, changeLog }, retries] = [options, new Retries(emit)];
    const [destHealth, hasEvents] = [
      new DestHealth(options.dest, emit, () => retries.hurry()),
      !options.once && !options.poll,
    ];
    this.#trouble = new Trouble(retries, destHealth, hasEvents ? new Rechecks() : undefined);
    this.#missing = new Missing(options, emit);
    this.#knownCopies = new KnownCopies(compare, checksum, sinceMs);
    const parts = {
      ...opened,
      knownCopies: this.#knownCopies,
      delete: removes,
      checksum,
      wrote: () => this.#trouble.destHealth.worked(),
    };
    this.#mirror = new Mirror(parts, this.#trouble, this.#end.signal);
    this.#log = new MirrorLog({
      path: changeLog ?? join(hiddenPath, 'changes.db'),
      emit,
      inDest: changeLog === undefined,
      dest,
      wake: () => this.#wake.ring(),
      lost: (untilMs) => this.#scanBy(untilMs),
      broken: (error) => this.fail(error),
    });
  }

  /** Claims DEST and opens the log. Errors: OperatorError, EnvironmentError, ChangeLogError. */
  static async open(options: ReplicateOptions): Promise<Replica> {
    const opened = await openReplica(options);
    try {
      const replica = new Replica(options, opened);
      await replica.#log.open();
      return replica;
    } catch (error) {
      opened.dest.close();
      throw error;
    }
  }

  passed(): Passed {
    return { ...this.opened.passed };
  }

  status(): MirrorStatus {
    return {
      totals: { ...this.opened.totals },
      waiting: this.#missing.code ?? this.#trouble.destHealth.code,
      unmirrored: this.#trouble.retries.size,
      largeUnderWay: this.#mirror.large.size,
      behind: this.#log.behind,
    };
  }

  /** Aborts when it is stopped. */
  get ending(): AbortSignal {
    return this.#end.signal;
  }

  /** Safe to call at any time, before everything else, and twice. */
  stop(): void {
    this.#end.abort();
    this.#wake.ring();
  }

  /** Ends it with an error: `run` rejects with it. */
  fail(error: unknown): void {
    this.#failed ??= { error };
    this.stop();
  }

  /** Records the events; resolves when they have ended. */
  follow(events: AsyncIterable<SourceEvent>): Promise<void> {
    return new EventRecorder({ source: this.options.source, record: (changes) => this.#log.record(changes) }).run(
      events,
    );
  }

  /**
   * Runs until `stop`, or with `once` until everything possible is done. Closes everything. `ending` ends the source of
   * the log's events.
   */
  async run(ending: () => Promise<void> = async () => {}): Promise<MirrorResult> {
    try {
      while (!this.#end.signal.aborted && (await this.#round()));
      if (this.#failed) throw this.#failed.error;
      return { totals: this.opened.totals, ...this.#trouble.retries.list() };
    } finally {
      this.#log.end();
      await ending();
      await this.#mirror.large.stop();
      await this.#log.close();
      this.opened.dest.close();
    }
  }

  /** False: everything is done. */
  async #round(): Promise<boolean> {
    try {
      this.#mirror.large.rethrow();
      if (!this.opened.dest.isClaimed) await this.#claimAgain();
      const worked = (await this.#batch()) || (await this.#again()) || (await this.#scan());
      this.#missing.back();
      this.#rememberScan();
      if (worked) return true;
      if (this.options.once) return await this.#onceGoesOn();
      this.#checkPlaces();
    } catch (error) {
      if (this.options.once) throw this.#missing.asOperators(error);
      this.#missing.gone(error);
      if (error instanceof DestMissing) await this.#letGo();
      this.#scanAtMs = 0;
      await this.#wake.wait(limits.placeRetryMs);
      return true;
    }
    const dueMs = Math.min(this.#scanAtMs, this.#trouble.nextMs()) - performance.now();
    await this.#wake.wait(Math.min(dueMs, limits.placeRetryMs));
    return true;
  }

  /** While nothing changes, nothing else would notice that one of the two is away. Errors: SourceMissing, DestMissing. */
  #checkPlaces(): void {
    for (const place of [this.opened.source, this.opened.dest]) closeSync(place.open());
  }

  /** Nothing of DEST stays open, so its filesystem can be unmounted and mounted again. */
  async #letGo(): Promise<void> {
    await this.#mirror.letGo();
    await this.#log.leaveDest();
    this.opened.dest.close();
  }

  /** Errors: DestMissing. */
  async #claimAgain(): Promise<void> {
    await this.opened.dest.claimAgain();
    await this.#log.backInDest();
  }

  /** Applies recorded changes. Returns whether there were any. */
  async #batch(): Promise<boolean> {
    const changes = await this.#log.next();
    if (changes.length === 0) return false;
    await this.#mirror.apply(changes);
    if (this.#end.signal.aborted) return false;
    await this.#log.done(changes);
    return true;
  }

  async #again(): Promise<boolean> {
    const nowMs = performance.now();
    if (!this.#trouble.destHealth.mayTry(nowMs)) return false;
    const due = this.#trouble.retries.due(nowMs);
    if (due.length > 0) await this.#mirror.again(due);
    const rechecks = this.#trouble.rechecks?.due(nowMs) ?? [];
    if (rechecks.length > 0) await this.#mirror.recheck(rechecks);
    // A scan would find the same again until DEST works, unless all that waited has gone from SOURCE.
    const mayFindMore = this.#trouble.destHealth.code === undefined || this.#trouble.retries.size === 0;
    if (mayFindMore && this.#trouble.takeTooMany()) this.#scanBy(performance.now() + limits.retryLongestMs);
    return due.length + rechecks.length > 0;
  }

  /** Scans everything, and applies new changes in between. */
  async #scan(): Promise<boolean> {
    if (performance.now() < this.#scanAtMs) return false;
    const [began, beganMs] = [performance.now(), Date.now()];
    this.#scanAtMs = Number.POSITIVE_INFINITY;
    this.#knownCopies.begin();
    // One batch between two directories: even if changes come faster than they are applied, the scan ends.
    await this.#mirror.tree('' as ByteName, async () => void (await this.#batch()));
    const scanEveryMs = this.options.scanEveryMs ?? (this.options.poll ? limits.pollEveryMs : limits.scanEveryMs);
    // Changes that were lost meanwhile have requested another scan.
    this.#scanBy(performance.now() + (this.options.once ? Number.POSITIVE_INFINITY : scanEveryMs));
    if (this.#end.signal.aborted) return true;
    if (!this.#trouble.retries.tooMany) this.#scannedMs = beganMs;
    this.opened.totals.scans++;
    this.opened.emit('replica_scan_done', { seconds: (performance.now() - began) / 1_000, ...this.opened.totals });
    return true;
  }

  #scanBy(atMs: number): void {
    this.#scanAtMs = Math.min(this.#scanAtMs, atMs);
  }

  /**
   * Stores from when on this mirror and the next start must compare, if nothing is left to do: a folder that could not
   * be read has not been compared. If DEST is full, the former time stays there.
   */
  #rememberScan(): void {
    const sinceMs = this.#scannedMs;
    if (sinceMs === undefined || this.#trouble.retries.size + this.#mirror.large.size > 0) return;
    try {
      if (this.#knownCopies.scanned(sinceMs)) this.opened.dest.remember({ sinceMs });
      this.#scannedMs = undefined;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  async #onceGoesOn(): Promise<boolean> {
    if (this.#mirror.large.size > 0) {
      await this.#mirror.large.idle();
      return true;
    }
    const { retries } = this.#trouble;
    if (retries.hopeful()) await this.#wake.wait(Math.max(this.#trouble.nextMs() - performance.now(), 10));
    // A scan that is owed finds what was dropped. It would be dropped again where others cannot be mirrored at all.
    else if (Number.isFinite(this.#scanAtMs) && retries.size < limits.retriesMax) this.#scanAtMs = 0;
    else return false;
    return true;
  }
}
