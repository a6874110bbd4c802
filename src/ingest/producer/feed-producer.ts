/**
 * One feed's way into the queue: watcher → look → offer.
 * Guarantees: a marked path is looked at and offered, or stays marked; nothing of the input is opened or changed.
 * A file smaller than --min-bytes is no candidate while it is that small: every event and scan looks again.
 */
import { type Backend, StateUnwritable } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { LinuxError } from '../../linux/index.js';
import { nameOfText } from '../../linux/names.js';
import { linuxBackend } from '../../watcher/backend/linux-backend.js';
import { Engine, type EngineEvent, type OpenRoot, type QueuedPath } from '../../watcher/engine/index.js';
import type { Watermarks } from '../gates/watermarks.js';
import { makeFilters } from '../rules/filters.js';
import { lookAt } from './look.js';
import { noticeOf } from './notice.js';
import { offer, withoutWaiting } from './offer.js';
import { Telling } from './telling.js';

const STATE_IS_LOW =
  'The disk of the state has less free than --state-min-free-bytes, so nothing new is written there: free some space.';

export interface FeedProducerOptions {
  backend: Backend;
  feed: FeedOptions;
  /** Of this boot. */
  boot: string;
  /** While the state has little room left, nothing is offered to it. */
  watermarks?: Pick<Watermarks, 'stateIsLow'>;
  emit: Emit;
  /** The state can no longer be used, or a bug: the process ends with this. */
  onFatal(error: unknown): void;
}

export class FeedProducer {
  /** Files that became jobs since the start. */
  taken = 0;
  readonly #options: FeedProducerOptions;
  readonly #watcher: Engine;
  readonly #telling: Telling;
  readonly #sidecarSuffix;

  constructor(options: FeedProducerOptions) {
    const { feed, emit } = options;
    this.#options = options;
    this.#telling = new Telling(feed.name, emit);
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
        deliver: (marks, root) => this.#deliver(marks, root),
        emit: (event) => {
          this.#telling.watcher(event);
          this.#write(event);
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
  stop(): Promise<void> {
    return this.#watcher.stop();
  }

  /** Resolves when a scan that began after this call was offered. */
  scan(): Promise<void> {
    return this.#watcher.scan();
  }

  /** Paths that were told and not yet offered, those whose job was in hand included. */
  get marked(): number {
    return this.#watcher.marked;
  }

  async #deliver(marks: readonly QueuedPath[], root: OpenRoot): Promise<void> {
    const { backend, feed, boot, watermarks, onFatal } = this.#options;
    try {
      if (watermarks?.stateIsLow) throw new StateUnwritable('state_full', STATE_IS_LOW);
      const fresh = feed.mode === 'sidecar' ? withoutWaiting(marks, { backend, feed, boot }) : marks;
      const looked = lookAt(fresh, root, this.#sidecarSuffix);
      this.#telling.others(looked.others);
      this.#telling.failed(looked.failed);
      const files = looked.files.filter(({ size }) => size >= feed.minBytes);
      if (files.length === 0) return;
      const { taken, busy } = await offer(files, { backend, feed, boot });
      this.taken += taken;
      for (const { path, by } of busy) this.#watcher.again(path, by);
    } catch (error) {
      // The two that pass by themselves: a state that cannot be written just now, a process out of descriptors.
      if (!(error instanceof StateUnwritable || error instanceof LinuxError)) onFatal(error);
      throw error;
    }
  }

  /** What is told of the watcher stands in the state too: `queue-stat` and the dashboard read no log. */
  #write(event: EngineEvent): void {
    const { backend, feed, onFatal } = this.#options;
    const written = noticeOf(event, feed, backend);
    // The event was told; only the state misses one.
    written?.catch((error) => void (error instanceof StateUnwritable || onFatal(error)));
  }
}
