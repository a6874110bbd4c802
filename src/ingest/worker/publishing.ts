/** The buckets of a worker: none until a feed has `--publish`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend } from '../../../queue/backend.js';
import { spareSpot } from '../../../queue/index.js';
import type { ChildContext } from '../../base/process/context.js';
import { RateLimit } from '../../files/rate-limit.js';
import { FeedFiles } from '../files/feed-files.js';
import type { Remote } from '../health/remote.js';
import { FeedBucket } from '../publishing/feed-bucket.js';
import { PublishingRounds } from '../publishing/rounds.js';
import type { Feed } from '../stages/stage.js';
import type { Background } from './background.js';
import type { Feeds } from './feeds.js';

interface Opened {
  feed: Feed;
  bucket: FeedBucket;
  rounds: PublishingRounds;
}

/** A removal ends at its next chunk. */
const REMOVING_MS = 5_000;

export class Publishing implements Remote {
  readonly place = 'bucket';
  readonly #opened = new Map<string, Opened>();
  readonly #ending = new AbortController();
  #removing: Promise<void> = Promise.resolve();
  #isOver = false;

  #throttle: RateLimit | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly feeds: Feeds,
    private readonly context: ChildContext,
    private readonly background: Pick<Background, 'handOf'>,
  ) {}

  readonly throttle = (): RateLimit | undefined => {
    const { statePath, maxBytesPerSecond: bound } = this.context.config.service;
    if (bound > 0) this.#throttle ??= new RateLimit(spareSpot(statePath), bound, this.context.drainSignal);
    return this.#throttle;
  };

  /** Undefined for a feed that publishes nothing. */
  readonly of = (feed: Feed): FeedBucket | undefined => this.#at(feed)?.bucket;

  readonly round = (isHurried = this.context.config.service.once): Promise<void> =>
    this.#ofEach(({ rounds }) => rounds.round(isHurried));

  readonly removeLocal = (): Promise<void> => {
    this.#removing = this.#ofEach(async ({ feed, rounds }) => {
      const files = new FeedFiles(feed.roots);
      await rounds.removeLocal(files).finally(() => files.close());
    });
    return this.#removing;
  };

  async #ofEach(act: (opened: Opened) => Promise<void>): Promise<void> {
    for (const name of this.feeds.names()) {
      if (this.#isOver) return;
      if (this.feeds.optionsOf(name)?.publish === undefined) continue;
      const feed = await this.feeds.get(name);
      const opened = feed && this.#at(feed);
      if (opened) await act(opened);
    }
  }

  async ask(name: string): Promise<void> {
    const feed = await this.feeds.get(name);
    try {
      await (feed && this.of(feed))?.probe();
    } catch (error) {
      // Its connection was ended by `close`, not by the store.
      if (this.#isOver) throw new Error('this process ends, and asks no more');
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#ending.abort();
    await this.round(true);
    this.#isOver = true;
    // Its timer has its errors. Its requests would fail as those to a store that is gone. One that hangs is left: its folder is found again.
    await Promise.race([this.#removing.catch(() => {}), delay(REMOVING_MS, undefined, { ref: false })]);
    for (const { bucket } of this.#opened.values()) await bucket.close();
    this.#throttle?.close();
  }

  /** Opened again when the options of its feed have changed. */
  #at(feed: Feed): Opened | undefined {
    const { name, publish } = feed.options;
    if (publish === undefined) return undefined;
    const known = this.#opened.get(name);
    if (known?.feed === feed) return known;
    void known?.bucket.close();
    const bucket = new FeedBucket(this.backend, feed.options, feed.roots.markers.warehouse!, this.context.emit);
    const opened = {
      feed,
      bucket,
      rounds: new PublishingRounds(bucket, this.background.handOf(this), this.#ending.signal),
    };
    this.#opened.set(name, opened);
    return opened;
  }
}
