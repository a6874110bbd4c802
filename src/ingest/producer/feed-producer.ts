/**
 * The way of one feed's files into the queue: watcher → stat → offer.
 * Guarantees: a noted path is checked and offered, or stays noted. No file of the input is opened or changed.
 * A file smaller than --min-bytes is no candidate at that size: every event and every scan checks it again.
 */
import { type Backend, StateUnwritable } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { LinuxError } from '../../linux/index.js';
import { type ByteName, nameOfText } from '../../linux/names.js';
import { linuxBackend } from '../../watcher/backend/linux-backend.js';
import { Engine, type EngineEvent, type OpenRoot, type QueuedPath } from '../../watcher/engine/index.js';
import type { Watermarks } from '../health/watermarks.js';
import { makeFilters } from '../rules/filters.js';
import { checkAgain, lookForWaiting, offer, withoutWaiting } from './offer.js';
import { offerSidecars } from './offer-sidecars.js';
import { statPaths } from './stat-paths.js';
import { WatcherEvents } from './watcher-events.js';
import { noteWatcherEvent } from './watcher-notices.js';

/** More of them are not remembered: a filesystem that answers with errors may have a million. */
const UNREAD_MAX = 1_000;

const STATE_IS_LOW =
  'The disk of the state has less free room than --state-min-free-bytes, so nothing new is written there: free some space.';

export interface FeedProducerOptions {
  backend: Backend;
  feed: FeedOptions;
  /** `clockEpoch` of this process. */
  boot: string;
  /** While the state has little room left, no file is offered to it. */
  watermarks?: Pick<Watermarks, 'stateIsLow'>;
  emit: Emit;
  /** Called when the state can no longer be used, or for a bug: the process must end. */
  onFatal(error: unknown): void;
}

export class FeedProducer {
  /** Files that became jobs since the start. */
  taken = 0;
  /** Paths that could not be looked at: folders until they are read, files until the next scan. */
  readonly #unreadFolders = new Set<ByteName>();
  readonly #unreadFiles = new Set<ByteName>();
  readonly #options: FeedProducerOptions;
  readonly #watcher: Engine;
  readonly #events: WatcherEvents;
  readonly #sidecarSuffix;
  /** The last file without a sidecar that was looked for. */
  #lookedFor = 0;
  #looking: Promise<void> | undefined;

  constructor(options: FeedProducerOptions) {
    const { feed, emit } = options;
    this.#options = options;
    this.#events = new WatcherEvents(feed.name, emit);
    this.#sidecarSuffix = feed.mode === 'sidecar' ? nameOfText(feed.sidecarSuffix) : undefined;
    const { target, enters } = makeFilters(feed);
    this.#watcher = new Engine(
      {
        root: nameOfText(feed.input),
        everything: false,
        recursive: feed.recursive,
        poll: feed.poll,
        ...(feed.scanIntervalSeconds !== undefined && { scanEveryMs: feed.scanIntervalSeconds * 1_000 }),
        target,
        enters,
        deliver: (paths, root) => this.#deliver(paths, root),
        emit: (event) => {
          this.#events.watcher(event);
          if (event.event === 'directory_failed') this.#unreadFolders.add(event.path);
          if (event.event === 'directory_back') this.#unreadFolders.delete(event.path);
          this.#write(event);
          if (event.event === 'scan_done' && feed.mode === 'sidecar') this.#looking = this.#lookForWaiting();
        },
      },
      linuxBackend,
    );
  }

  get feed(): FeedOptions {
    return this.#options.feed;
  }

  /** Safe to call twice. */
  start(): void {
    this.#watcher.start().catch(this.#options.onFatal);
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    await this.#watcher.stop();
    await this.#looking;
  }

  /** Resolves when all files of a scan that began after this call were offered. */
  async scan(): Promise<void> {
    this.#unreadFiles.clear();
    await this.#watcher.scan();
    await this.#looking;
  }

  /** The number of paths that are noted and not offered yet. Includes paths whose job was claimed when they were offered. */
  get marked(): number {
    return this.#watcher.marked;
  }

  /** Relative to the input. */
  get unread(): ReadonlySet<ByteName> {
    return new Set([...this.#unreadFolders, ...this.#unreadFiles]);
  }

  async #deliver(paths: readonly QueuedPath[], root: OpenRoot): Promise<void> {
    const { backend, feed, boot, watermarks, onFatal } = this.#options;
    try {
      if (watermarks?.stateIsLow) throw new StateUnwritable('state_full', STATE_IS_LOW);
      const fresh = feed.mode === 'sidecar' ? withoutWaiting(paths, { backend, feed, boot }) : paths;
      const found = statPaths(fresh, root, this.#sidecarSuffix);
      this.#events.others(found.others);
      this.#events.failed(found.failed);
      for (const { path } of found.failed) if (this.#unreadFiles.size < UNREAD_MAX) this.#unreadFiles.add(path);
      await offerSidecars(found.alone, { backend, feed, boot });
      const files = found.files.filter(({ size }) => size >= feed.minBytes);
      if (files.length === 0) return;
      const offering = { backend, feed, boot };
      const { taken, busy, alone } = await offer(files, offering);
      this.taken += taken;
      await checkAgain(alone, root, offering);
      for (const { path, by } of busy) this.#watcher.again(path, by);
    } catch (error) {
      if (!isOfTheMoment(error)) onFatal(error);
      throw error;
    }
  }

  /** The next scan looks again where this one cannot. */
  async #lookForWaiting(): Promise<void> {
    const { backend, feed, boot, onFatal } = this.#options;
    const { presence } = this.#watcher;
    try {
      const root = presence.borrow();
      if (root) this.#lookedFor = await lookForWaiting(this.#lookedFor, root, { backend, feed, boot });
    } catch (error) {
      if (!isOfTheMoment(error)) onFatal(error);
    } finally {
      presence.giveBack();
    }
  }

  /** Writes the watcher's findings into the state: `queue-stat` and the dashboard read no log. */
  #write(event: EngineEvent): void {
    const { backend, feed, onFatal } = this.#options;
    const written = noteWatcherEvent(event, feed, backend);
    // The event is in the log already; only the state misses it.
    written?.catch((error) => void (error instanceof StateUnwritable || onFatal(error)));
  }
}

/** These two errors pass by themselves: a state that cannot be written now, a process without free descriptors. */
const isOfTheMoment = (error: unknown): boolean => error instanceof StateUnwritable || error instanceof LinuxError;
