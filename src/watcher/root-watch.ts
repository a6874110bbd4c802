/**
 * Watches one root. The engine finds where something may have changed, the reconciler decides which paths become
 * pending, and the differences give the events when the consumer takes them.
 *
 *   engine (events, scans) ── paths ──> windows (debounce) ──> reconciler ──> pending paths <── takes ── consumer
 *                                                                                └── differences (delivered tree, disk)
 *
 * The engine's loop waits for room among the pending paths, so a consumer that takes nothing stops that loop. Then
 * queued paths gather (bounded), and become one scan.
 */
import { type ByteName, shownName } from '../linux/names.js';
import { merged } from './backend/hints.js';
import { Engine, type EngineEvent, type Hint, type OpenRoot, type QueuedPath, type ScanStep } from './engine/index.js';
import type { Filter } from './filter.js';
import { WatcherStoppedError } from './options/errors.js';
import { limits } from './options/limits.js';
import type { Settings } from './options/options.js';
import type { WatcherEvents } from './options/types.js';
import type { DeliveredTree } from './reconcile/delivered-tree.js';
import type { EventCause, PendingPaths } from './reconcile/pending.js';
import type { Platform } from './reconcile/platform.js';
import { isStrict, Reconciler, type ReconcilerHooks } from './reconcile/reconciler.js';
import { RootEvents } from './root-events.js';
import { Troubles } from './troubles.js';
import { Windows } from './windows.js';

export interface WatchRoot {
  /** The directory that is watched. */
  root: ByteName;
  /** If a file is watched: the only name in that directory that is reported. */
  only?: ByteName;
}

export interface RootWatchOptions {
  place: WatchRoot;
  settings: Settings;
  filter: Filter;
  platform: Platform;
  deliveredTree: DeliveredTree;
  /** True: differences from the delivered tree are reported. False: what the first scan finds is stored without events. */
  known: boolean;
  pending: PendingPaths;
  emit<K extends keyof WatcherEvents>(name: K, ...args: WatcherEvents[K]): void;
  /** A bug ended it. */
  failed(error: unknown): void;
  log(level: 'debug' | 'info' | 'warn', fields: object, message: string): void;
}

/** The buffer stayed full. The queued paths are dropped, because a scan of everything follows. */
class BufferFull extends Error {}

export class RootWatch {
  readonly #options: RootWatchOptions;
  readonly #engine: Engine<Hint>;
  readonly #reconciler: Reconciler;
  readonly #troubles: Troubles;
  readonly #rootEvents: RootEvents;
  /** Windows of paths that were reported a moment ago. */
  readonly #debounce: Windows;
  /** Windows of paths that are gone, and may be found under another name in a moment. */
  readonly #leaving: Windows;
  readonly #shownRoot: string;
  #ready!: { resolve(): void; reject(error: unknown): void };
  #hasScanned = false;
  #stopping = false;

  constructor(options: RootWatchOptions) {
    const { place, settings, filter, platform, deliveredTree, emit } = options;
    this.#options = options;
    this.#shownRoot = shownName(place.root);
    this.#engine = new Engine<Hint>(
      {
        root: place.root,
        recursive: settings.recursive,
        poll: settings.backend === 'poll',
        everything: true,
        ...(settings.rescanMs !== undefined && { scanEveryMs: settings.rescanMs || Number.POSITIVE_INFINITY }),
        target: (path, isDirectory) => (filter.wants(path, isDirectory) ? path : undefined),
        enters: filter.enters,
        deliver: (marks, root, step) => this.#deliver(marks, root, step),
        emit: (event) => this.#onEngineEvent(event),
      },
      platform.backend,
    );
    const mark = (path: ByteName, by: Hint): void => this.#engine.again(path, by);
    this.#debounce = new Windows(settings.debounceMs, limits.windowsMax, mark);
    this.#leaving = new Windows(limits.renameMs, limits.windowsMax, (path) => mark(path, 'delete'));
    this.#reconciler = new Reconciler(deliveredTree, this.#hooks(filter.wants));
    this.#reconciler.silent = !options.known;
    this.#troubles = new Troubles(this.#shownRoot, settings.statePath, {
      error: (error) => emit('error', error),
      recovered: (error) => emit('recovered', error),
    });
    this.#rootEvents = new RootEvents({
      ...options,
      root: place.root,
      engine: this.#engine,
      reconciler: this.#reconciler,
      debounce: this.#debounce,
      troubles: this.#troubles,
      isKept: settings.statePath !== undefined,
    });
  }

  /** Resolves when every later change will be reported. Rejects if it is stopped before, or with a bug. */
  start(): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
    this.#engine.start().then(
      () => this.#ready.reject(new WatcherStoppedError()),
      (error) => {
        this.#ready.reject(error);
        this.#options.failed(error);
      },
    );
    return ready;
  }

  /** Resolves when everything that happened before this call is pending. */
  async flush(): Promise<void> {
    do await this.#engine.flush();
    while (!this.#stopping && (await this.#heldAreReleased()));
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#rootEvents.close();
    this.#debounce.close();
    this.#leaving.close();
    await this.#engine.stop();
    this.#debounce.close();
    this.#leaving.close();
  }

  async #heldAreReleased(): Promise<boolean> {
    if (this.#debounce.held + this.#leaving.held === 0) return false;
    await Promise.race([this.#debounce.released(), this.#leaving.released()]);
    return true;
  }

  async #deliver(marks: readonly QueuedPath<Hint>[], root: OpenRoot, step?: ScanStep): Promise<void> {
    const { silent } = this.#reconciler;
    if (!silent) this.#ready.resolve();
    // The event for a finding of a scan may be delayed beyond the end of the scan.
    const found = (by: Hint): Hint => (isStrict(step) ? merged('write', by) : by);
    const held: QueuedPath<Hint>[] = [];
    const due = marks.filter((mark) => {
      const isDue = silent || !this.#debounce.holds(mark.path, found(mark.by));
      if (!isDue) held.push(mark);
      return isDue;
    });
    const looker = this.#options.platform.looker(root);
    try {
      await this.#reconciler.run(due, looker, step, held);
    } catch (error) {
      if (this.#stopping) return;
      // The part that this step had read would be missed; queued paths come again by themselves.
      if (step !== undefined || error instanceof BufferFull) this.#engine.rescan();
      if (!(error instanceof BufferFull)) throw error;
      await this.#options.pending.room();
    } finally {
      looker.close();
    }
  }

  #hooks(wants: ReconcilerHooks['wants']): ReconcilerHooks {
    const { pending } = this.#options;
    return {
      wants,
      room: (cause) => (pending.full ? this.#room(cause) : undefined),
      addPending: (one) => this.#rootEvents.add(one),
      wake: () => pending.wake(),
      directory: (path) => {
        if (!this.#engine.watches(path)) this.#engine.scanDirectory(path);
      },
      later: (path) => this.#leaving.open(path, 'delete'),
      failed: (path, code) => this.#troubles.unseen(path, code),
      seen: (path) => this.#troubles.seen(path),
    };
  }

  /**
   * A scan may wait for the consumer as long as needed. A path from an event waits for a moment, and is then left to a
   * scan.
   */
  async #room(cause: EventCause): Promise<void> {
    const { pending, emit } = this.#options;
    const hasRoom = await pending.room(cause === 'event' ? limits.patienceMs : undefined);
    if (this.#stopping || pending.closed) throw new WatcherStoppedError();
    if (hasRoom) return;
    emit('overflow', { root: this.#shownRoot, reason: 'buffer' });
    throw new BufferFull();
  }

  #endFirstScan(): void {
    if (this.#hasScanned) return;
    this.#hasScanned = true;
    this.#reconciler.silent = false;
    this.#options.deliveredTree.whole();
    this.#options.deliveredTree.commit();
    this.#ready.resolve();
  }

  #onEngineEvent(event: EngineEvent): void {
    const { emit, log } = this.#options;
    if (this.#stopping || this.#troubles.note(event)) return;
    if (event.event === 'scan_done') {
      this.#endFirstScan();
      const { cause, files, directories, seconds } = event;
      emit('scan', { root: this.#shownRoot, cause, files, directories, seconds });
    } else if (event.event === 'overflow') emit('overflow', { root: this.#shownRoot, reason: 'kernel' });
    else if (event.event === 'marks_full') emit('overflow', { root: this.#shownRoot, reason: 'marks' });
    else log('info', { ...event, root: this.#shownRoot }, event.event);
  }
}
