/**
 * The feeds of a worker: their options as the producer recorded them in the state, with their roots set up and locked once. The
 * worker follows a producer that was started with other options: the list is read again every few seconds, and the options of a
 * feed for each batch. A job that such options made due would wait by the old ones again.
 */
import type { Backend } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { PlaceError } from '../../files/place-error.js';
import type { SharedLockFile } from '../../linux/index.js';
import type { Feed } from '../stages/stage.js';
import { checkFeeds, enterFeed } from '../upkeep/enter.js';

const READ_AGAIN_MS = 5_000;
/** A feed with a dead root is not asked more often. */
const DEAD_FOR_MS = 2_000;

export class Feeds {
  readonly #known = new Map<string, { feed: Feed; json: string; locks: SharedLockFile[] }>();
  readonly #settingUp = new Map<string, Promise<Feed | undefined>>();
  #readMs = Number.NEGATIVE_INFINITY;
  #options = new Map<string, FeedOptions>();
  readonly #dead = new Map<string, { error: PlaceError; untilMs: number }>();

  constructor(
    readonly backend: Backend,
    readonly statePath: string,
    readonly emit: Emit,
    /** Called for each feed whenever the options were read. */
    private readonly onRead: (options: FeedOptions) => void = () => {},
  ) {}

  names(): string[] {
    this.#read();
    return [...this.#options.keys()];
  }

  /** Undefined for a feed that the state does not know, or that cannot be entered now (`whyNot`). Errors: EnvironmentError, when its roots are not ours. */
  async get(name: string): Promise<Feed | undefined> {
    this.#read();
    const options = this.backend.feedOptions(name) as unknown as FeedOptions | undefined;
    if (!options) return undefined;
    const json = JSON.stringify(options);
    const known = this.#known.get(name);
    if (known?.json === json) return known.feed;
    if (performance.now() < (this.#dead.get(name)?.untilMs ?? 0)) return undefined;
    const under = this.#settingUp.get(name);
    if (under) return under;
    const setting = this.#setUp(name, options, json).finally(() => this.#settingUp.delete(name));
    this.#settingUp.set(name, setting);
    return setting;
  }

  /** The dead root that kept it from being entered. */
  whyNot(name: string): PlaceError | undefined {
    return this.#dead.get(name)?.error;
  }

  /** The options of its last batch. */
  inUse(name: string): FeedOptions | undefined {
    return this.#known.get(name)?.feed.options;
  }

  /** The options as they were read last. Does not read now. */
  optionsOf(name: string): FeedOptions | undefined {
    return this.#options.get(name);
  }

  close(): void {
    for (const { locks } of this.#known.values()) for (const lock of locks) lock.close();
  }

  async #setUp(name: string, options: FeedOptions, json: string): Promise<Feed | undefined> {
    const dead = (await checkFeeds(this.backend, this.statePath, [options])).get(name);
    if (dead) {
      this.#dead.set(name, { error: dead, untilMs: performance.now() + DEAD_FOR_MS });
      return undefined;
    }
    this.#dead.delete(name);
    const { roots, locks } = await enterFeed(this.backend, this.statePath, options, this.emit);
    for (const lock of this.#known.get(name)?.locks ?? []) lock.close();
    const feed = { options, roots };
    this.#known.set(name, { feed, json, locks });
    return feed;
  }

  #read(): void {
    const now = performance.now();
    if (now - this.#readMs < READ_AGAIN_MS) return;
    this.#readMs = now;
    this.#options = new Map(this.backend.feeds().map(({ name, options }) => [name, options as unknown as FeedOptions]));
    for (const options of this.#options.values()) this.onRead(options);
  }
}
