/**
 * The child processes of a worker that take files through chains. They are kept warm, one for each feed and version of its chain,
 * up to `most` at the same time.
 * Guarantees: a changed chain (its configuration, or the file of its module) gets a new child. Waiting files are served in order.
 */
import { statSync } from 'node:fs';
import type { FeedOptions } from '../../base/config/options.js';
import type { FileMessage } from '../../process/messages.js';
import { ChainChild, type ChainParts, type FileEnd } from './child.js';

const IDLE_MS = 60_000;

interface Kept {
  key: string;
  child: ChainChild;
  /** The timer that ends it; undefined while it works. */
  idle: NodeJS.Timeout | undefined;
}

export class Chains {
  readonly #kept = new Set<Kept>();
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly most: number,
    private readonly printed: (feed: string, ...said: Parameters<ChainParts['printed']>) => void,
  ) {}

  /** `isSuspect`: this file has ended a child before. It gets a fresh child, which no other file can have damaged. */
  async run(feed: FeedOptions, file: FileMessage, isSuspect: boolean): Promise<FileEnd> {
    const key = keyOf(feed);
    let kept = this.#take(feed, key, isSuspect);
    while (kept === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      kept = this.#take(feed, key, isSuspect);
    }
    try {
      return await kept.child.run(file);
    } finally {
      this.#give(kept);
    }
  }

  close(): void {
    for (const { child, idle } of this.#kept) {
      clearTimeout(idle);
      child.end();
    }
  }

  #take(feed: FeedOptions, key: string, isFresh: boolean): Kept | undefined {
    const idle = [...this.#kept].filter((kept) => kept.idle !== undefined);
    const warm = isFresh ? undefined : idle.find((kept) => kept.key === key);
    if (warm) {
      clearTimeout(warm.idle);
      warm.idle = undefined;
      return warm;
    }
    if (this.#kept.size >= this.most) {
      if (idle.length === 0) return undefined;
      this.#end(idle[0]!);
    }
    return this.#started(feed, key);
  }

  #started(feed: FeedOptions, key: string): Kept {
    const kept: Kept = {
      key,
      idle: undefined,
      child: new ChainChild({
        feed: feed.name,
        options: feed.process!,
        printed: (job, text) => this.printed(feed.name, job, text),
        onEnd: () => this.#leave(kept),
      }),
    };
    this.#kept.add(kept);
    return kept;
  }

  #give(kept: Kept): void {
    if (this.#kept.has(kept)) kept.idle = setTimeout(() => this.#end(kept), IDLE_MS).unref();
    this.#waiting.shift()?.();
  }

  #end(kept: Kept): void {
    this.#leave(kept);
    kept.child.end();
  }

  #leave(kept: Kept): void {
    clearTimeout(kept.idle);
    this.#kept.delete(kept);
  }
}

/** Identifies the version of a chain. Modules that its module imports are not checked. */
function keyOf({ name, process }: FeedOptions): string {
  const stat =
    process?.module === undefined ? undefined : statSync(process.module, { throwIfNoEntry: false, bigint: true });
  return JSON.stringify([name, process, stat && `${stat.ino}:${stat.size}:${stat.mtimeNs}`]);
}
