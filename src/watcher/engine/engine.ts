/**
 * Watches one directory tree and delivers the paths that may have changed. Events are hints; the scan is the truth.
 * Guarantees: a path that passes the filters and is in the tree is delivered at least once after its last close, rename
 * or creation. That is true even if the kernel dropped events, or if something was moved, unmounted or out of limits
 * meanwhile. Memory does not grow with the number of files. Every trouble is emitted once when it starts and once when
 * it ends.
 * Does not: read files, know when a file is complete, or cross symlinks.
 */

import { Wake } from '../../base/wake.js';
import type { ByteName } from '../../linux/names.js';
import type { Backend } from '../backend/backend.js';
import { batchMaxOf, limits } from '../backend/limits.js';
import type { Cause, EngineOptions, Hint, QueuedPath, ScanCause, ScanStep } from '../backend/types.js';
import { codeOf, Watches } from '../backend/watches.js';
import { clockMs } from './clock.js';
import { Delivery } from './delivery.js';
import { FlushWaiters } from './flush.js';
import { Intake } from './intake.js';
import { PathQueue } from './path-queue.js';
import { Presence } from './presence.js';
import type { Scan, ScanHooks } from './scan.js';
import { Schedule } from './schedule.js';

const LOST: ReadonlySet<ScanCause> = new Set(['overflow', 'marks_full', 'root_changed']);

export class Engine<By extends Hint = Cause> {
  /** Lends the root to callers that need it between two rounds. */
  readonly presence: Presence;
  readonly #options: EngineOptions<Hint>;
  readonly #queue: PathQueue;
  readonly #wake = new Wake();
  readonly #intake: Intake;
  readonly #delivery: Delivery;
  readonly #watches: Watches;
  readonly #schedule: Schedule;
  readonly #asked: (() => void)[] = [];
  readonly #flushing: FlushWaiters;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: EngineOptions<By>, backend: Backend) {
    this.#options = options as EngineOptions<Hint>;
    this.#queue = new PathQueue(options.everything);
    this.presence = new Presence(options.root, backend, options.emit, () => this.#wake.ring());
    this.#intake = new Intake(
      this.#options,
      this.#queue,
      () => this.#schedule,
      () => this.#wake.ring(),
      this.presence,
    );
    this.#delivery = new Delivery(this.#options, ({ path, by }) => {
      // With `everything`, both hints of a path are kept.
      if (this.#options.everything || !this.#queue.has(path)) this.#intake.mark(path, by, false);
    });
    this.#watches = new Watches(options, backend, this.#intake);
    const hooks = this.#hooks((path) => this.#intake.enters(path));
    const retries = {
      paths: () => this.#watches.retries(),
      hooks: this.#hooks((path) => this.#intake.enters(path) && !this.#watches.knows(path)),
    };
    const onAbandon = ({ waiting }: Scan): void => void this.#asked.push(...waiting);
    this.#schedule = new Schedule(backend, hooks, retries, { onBegin: (scan) => this.#onBegin(scan), onAbandon });
    this.#flushing = new FlushWaiters(this.#watches, this.#queue, this.#schedule, () => this.scan());
  }

  /** Safe to call twice. Resolves after `stop`; rejects if a bug ended the loop. */
  start(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Ends after the delivery that is under way. Safe to call twice. Rejects if a bug ended the loop. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake.ring();
    await this.#running;
  }

  /** Resolves when a scan of the whole tree that started after this call was delivered, or when the watcher stops. */
  scan(): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.#schedule.want('asked');
      this.#wake.ring();
    });
  }

  /**
   * Resolves when everything that happened before this call was delivered, or when the watcher stops or has no root.
   */
  flush(): Promise<void> {
    this.#wake.ring();
    return this.#flushing.wait();
  }

  /** Notes everything that the kernel has queued now. */
  readEvents(): void {
    this.#watches.drain();
  }

  /** Delivers the path again, with the same cause: within a second, or at once with `everything`. */
  again(path: ByteName, by: Hint): void {
    this.#intake.mark(path, by, true);
  }

  /** Something was lost, so a scan of the whole tree follows. False: a scan was already requested. */
  rescan(): boolean {
    this.#wake.ring();
    return this.#schedule.want('marks_full');
  }

  /** Reads the directory and everything below it (again) soon. */
  scanDirectory(path: ByteName): void {
    this.#intake.wantDirectory(path);
  }

  /** True if changes in the directory cause events. */
  watches(path: ByteName): boolean {
    return this.#watches.has(path);
  }

  /** True: the directory has no watch, and new directories are about to be watched and read. */
  isToBeWatched(path: ByteName): boolean {
    return this.#watches.lacks(path) && this.#schedule.isReadingNew;
  }

  /** The paths that are queued and not yet delivered. */
  get marked(): number {
    return this.#queue.size;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) await this.#round();
    } finally {
      this.#schedule.abandonAll();
      this.#watches.close();
      this.presence.leave();
      this.#flushing.end();
      for (const resolve of this.#asked) resolve();
    }
  }

  async #round(): Promise<void> {
    if (!this.#enterRoot()) {
      this.#flushing.end();
      await this.#wake.wait(limits.rootCheckMs);
      return;
    }
    const nowMs = clockMs();
    const marks = this.#queue.take(batchMaxOf(this.#options), nowMs);
    const delivered = await this.#deliver(marks);
    const scan = delivered ? this.#schedule.next(nowMs) : undefined;
    if (scan !== undefined) await this.#readOn(scan);
    if (scan !== undefined || marks.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    if (delivered && this.#flushing.goesOn()) return;
    const nextMs = Math.min(this.#queue.laterAtMs, this.#schedule.nextAtMs, nowMs + limits.rootCheckMs);
    this.presence.leave();
    await this.#wake.wait(Math.ceil(nextMs - clockMs()));
  }

  async #readOn(scan: Scan): Promise<void> {
    const beganMs = clockMs();
    const found = scan.slice(this.presence.root, batchMaxOf(this.#options), limits.sliceMs);
    const step = this.#options.everything
      ? { cause: scan.cause, listed: scan.takeListed(), done: scan.done && !this.presence.doubtful }
      : undefined;
    // A path that an event has queued comes with its own cause. A scan after lost events includes it all the same,
    // because such a scan compares more strictly.
    const fresh = LOST.has(scan.cause) ? found : found.filter(({ path }) => !this.#queue.has(path));
    await this.#deliver(fresh, step);
    const nowMs = clockMs();
    this.#schedule.sliced(scan, nowMs - beganMs, nowMs);
    // If the root was lost during the scan, the callers that wait for a scan wait for the next one.
    if (scan.done && this.presence.doubtful) this.#asked.push(...scan.waiting);
    else if (scan.done) this.#onEnd(scan, nowMs);
  }

  /** False: the delivery failed, its paths were kept, and some time has passed. */
  async #deliver(marks: readonly QueuedPath<Hint>[], step?: ScanStep): Promise<boolean> {
    if (await this.#delivery.run(marks, this.presence.root, step)) return true;
    this.presence.leave();
    const untilMs = clockMs() + limits.retryMs;
    while (!this.#stopping && clockMs() < untilMs) await this.#wake.wait(untilMs - clockMs());
    return false;
  }

  /** False: there is no root to work in. */
  #enterRoot(): boolean {
    const state = this.presence.enter((root) => this.#watches.open(root));
    if (state === 'same') return true;
    this.#schedule.abandonAll();
    if (state === 'missing') this.#watches.close();
    else this.#schedule.want(state === 'first' ? 'start' : 'root_changed');
    return state !== 'missing';
  }

  #onBegin(scan: Scan): void {
    if (!scan.whole) return;
    scan.waiting.push(...this.#asked.splice(0));
    this.#watches.heal();
  }

  #onEnd(scan: Scan, nowMs: number): void {
    this.#watches.scanned(scan.whole ? this.#schedule.round : undefined);
    if (this.#watches.troubled) this.#schedule.retryIn(limits.pollEveryMs, nowMs);
    if (!scan.whole) return;
    this.#schedule.periodicIn(this.#watches.scanEveryMs(this.#options.scanEveryMs), nowMs);
    const { cause, startedMs, counts } = scan;
    this.#options.emit({ event: 'scan_done', cause, seconds: (nowMs - startedMs) / 1_000, ...counts });
    for (const resolve of scan.waiting) resolve();
  }

  #hooks(enters: (path: ByteName) => boolean): ScanHooks {
    return {
      enters,
      everything: this.#options.everything,
      target: this.#options.target,
      opened: (path, directory, cause) => {
        // The content of a new directory is delivered as new.
        if (!this.#options.everything || cause === 'new') this.#schedule.begun(path);
        this.#watches.opened(path, directory, this.#schedule.round);
      },
      listed: (path) => this.#watches.failsNoMore(path),
      failed: (path, error) => this.#onFailed(path, error),
    };
  }

  #onFailed(path: ByteName, error: unknown): void {
    const code = codeOf(error);
    if (path === '') this.presence.noteFailed(code);
    else if (this.#watches.failed(path, code)) this.#schedule.retryIn(limits.pollEveryMs, clockMs());
  }
}
