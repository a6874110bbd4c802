/**
 * The directory of a world: a fresh temporary directory with the folders of its feeds, and the options of its commands.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asConfiguration, asFlags, type Feed, type FeedPlan, type Options, placesOf, planFeed } from './layout.js';
import { give, type User } from './users.js';

export interface WorldOptions {
  /** One feed `default`, given by flags, if left out. */
  feeds?: Record<string, FeedPlan>;
  /**
   * Options of the one feed and of the service: `{mode: 'sidecar', concurrency: 2}`. With `feeds`: of the service only.
   */
  options?: Options;
  /** Given directories of the one feed (mount points). */
  places?: Omit<FeedPlan, 'options'>;
  /** The owner of these directories, who also runs the commands. */
  user?: User;
  seed?: string;
  /** The parent of the world's own directory; default: the temporary directory. */
  ground?: string;
}

/** `WATCH=poll npm test` runs every scenario with scans only, unless it chooses by itself how to watch. */
export const POLLED = process.env.WATCH === 'poll';
/** Options of a world that chooses by itself how to watch. */
export const ITS_OWN_WATCH: Options = { poll: undefined, scanIntervalSeconds: undefined };

/** Fast enough for tests, and still a quiet window and a rest after the last change. */
const QUICK: Options = {
  stabilitySeconds: 0.3,
  quietMs: 100,
  ...(POLLED && { poll: true, scanIntervalSeconds: 1 }),
};

export class Home {
  readonly root: string;
  readonly statePath: string;
  readonly feeds: Feed[];
  protected readonly options: Options;
  protected readonly user: User | undefined;

  constructor({ feeds, options = {}, places, user, ground = tmpdir() }: WorldOptions) {
    this.root = realpathSync(mkdtempSync(join(ground, 'ingest-')));
    chmodSync(this.root, 0o755);
    this.statePath = join(this.root, 'state', 'state.db');
    this.options = feeds ? options : { ...QUICK, ...options };
    this.user = user;
    const plans = Object.entries(feeds ?? { default: places ?? {} });
    this.feeds = plans.map(([name, plan]) =>
      planFeed(this.root, name, feeds === undefined, withQuick(plan, feeds !== undefined)),
    );
    const directories = this.feeds.flatMap((feed) => [feed.input, feed.warehouse, feed.manifests]);
    for (const directory of [join(this.root, 'state'), ...directories]) mkdirSync(directory, { recursive: true });
    if (feeds) writeFileSync(this.configPath, asConfiguration(this.feeds, options));
    // The work directory is made beside the input, so the parents belong to the user too.
    if (user)
      give(
        user,
        this.root,
        join(this.root, 'state'),
        ...directories,
        ...(feeds ? this.feeds.map((f) => join(this.root, f.name)).filter((path) => existsSync(path)) : []),
      );
  }

  get configPath(): string {
    return join(this.root, 'ingest.yaml');
  }

  feed(name = this.feeds[0]!.name): Feed {
    const feed = this.feeds.find((f) => f.name === name);
    assert(feed, `this world has no feed ${name}`);
    return feed;
  }

  /** For the first feed. */
  get input(): string {
    return this.feed().input;
  }

  /** The flags with which a command finds the feeds and the state of this world. */
  flags(command: string): string[] {
    const state = asFlags({ statePath: this.statePath });
    const takesFeeds = command === 'ingest' || command === 'ingest-producer';
    if (!takesFeeds) return command === 'ingest-worker' ? state : [];
    if (this.feeds.length > 1 || this.feeds[0]!.name !== 'default') return ['--config', this.configPath, ...state];
    return [...asFlags({ ...placesOf(this.feeds[0]!), ...this.options }), ...state];
  }
}

const withQuick = (plan: FeedPlan, many: boolean): FeedPlan =>
  many ? { ...plan, options: { ...QUICK, ...plan.options } } : plan;
