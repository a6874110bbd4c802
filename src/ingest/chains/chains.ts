/**
 * The child processes of a worker that take files through chains. They are kept warm, one for each feed and version of its chain,
 * up to `most` at the same time.
 * Guarantees: a changed chain (its configuration, or the file of its module) gets a new child. Waiting files are served in order.
 * A file may leave promises, timers or memory in its child. So a child whose file came to a bad end gets no further one, and
 * a bad end in a child that had another file before proves nothing.
 */
import { statSync } from 'node:fs';
import type { FeedOptions } from '../../base/config/options.js';
import type { FileMessage } from '../../process/messages.js';
import { ChainChild, type ChainParts, type FileEnd } from './child.js';
import { Refusals } from './refusals.js';

const IDLE_MS = 60_000;

/** `again`: the child had another file before, which may be the cause. Only what happens in a child of its own is the file's fault. */
export type ChainEnd = Exclude<FileEnd, { kind: 'refused' }> | { kind: 'again' };

interface Kept {
  key: string;
  child: ChainChild;
  isUsed: boolean;
  /** The timer that ends it; undefined while it works. */
  idle: NodeJS.Timeout | undefined;
}

export class Chains {
  readonly #kept = new Set<Kept>();
  readonly #waiting: (() => void)[] = [];
  readonly #refusals = new Refusals();

  constructor(
    private readonly most: number,
    private readonly printed: (feed: string, ...said: Parameters<ChainParts['printed']>) => void,
  ) {}

  /** `isAlone`: the file gets a fresh child, which no other file can have damaged. */
  async run(feed: FeedOptions, file: FileMessage, isAlone: boolean): Promise<ChainEnd> {
    const key = keyOf(feed);
    let kept = this.#take(feed, key, isAlone);
    while (kept === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      kept = this.#take(feed, key, isAlone);
    }
    const begunAt = this.#refusals.begin();
    const reason = await kept.child.whyUnloadable;
    const end: FileEnd = reason === undefined ? await kept.child.run(file) : { kind: 'unloadable', reason };
    const isWell = isOfRecords(end);
    const isProof = isWell || !kept.isUsed;
    if (isWell) this.#refusals.wentThrough(feed.name, key, file.job, begunAt);
    else await this.#endNow(kept);
    this.#give(kept);
    if (!isProof) return { kind: 'again' };
    return end.kind === 'refused' ? this.#blamed(feed.name, key, file.job, end.reason) : end;
  }

  #blamed(feed: string, key: string, job: string, reason: string): ChainEnd {
    if (!this.#refusals.isOfFile(feed, key, job)) return { kind: 'unloadable', reason };
    return { kind: 'bad', job, code: 'process_failed', reason: `${reason}; other files go through` };
  }

  close(): void {
    for (const { child, idle } of this.#kept) {
      clearTimeout(idle);
      child.end();
    }
  }

  #take(feed: FeedOptions, key: string, isAlone: boolean): Kept | undefined {
    const idle = [...this.#kept].filter((kept) => kept.idle !== undefined);
    const warm = isAlone ? undefined : idle.find((kept) => kept.key === key);
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
      isUsed: false,
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
    kept.isUsed = true;
    if (this.#kept.has(kept)) kept.idle = setTimeout(() => this.#end(kept), IDLE_MS).unref();
    this.#waiting.shift()?.();
  }

  #end(kept: Kept): void {
    this.#leave(kept);
    kept.child.end();
  }

  /** Afterwards nothing writes outputs any more. */
  #endNow(kept: Kept): Promise<void> {
    this.#end(kept);
    return kept.child.over;
  }

  #leave(kept: Kept): void {
    clearTimeout(kept.idle);
    this.#kept.delete(kept);
  }
}

/** True where the chain has judged the records or the room for them, and the process is as it was. */
const isOfRecords = (end: FileEnd): boolean =>
  end.kind === 'done' || end.kind === 'no_room' || (end.kind === 'bad' && end.code !== 'process_failed');

/** Identifies the version of a chain. Modules that its module imports are not checked. */
const keyOf = ({ name, process }: FeedOptions): string =>
  JSON.stringify([name, process, process?.module && versionOf(process.module)]);

/** A module that cannot be read gets a child, which says why. */
function versionOf(module: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(module, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
