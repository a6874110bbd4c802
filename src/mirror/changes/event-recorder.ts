/**
 * From the watcher into the change log: what is told is on disk before anybody acts on it, so that a slow or full DEST makes
 * nobody wait but itself.
 * Guarantees: bounded; while the log cannot keep up the watcher is not listened to, and it has its own bound.
 */
import type { Change, NewChange } from '../../change-log/index.js';
import { limits } from '../trees/limits.js';

/** As the watcher tells it. */
export interface SourceEvent {
  /** Absolute. */
  pathBytes: Buffer;
  operation: 'put' | 'delete';
  timestamp: Date;
  renameId?: string;
}

export interface EventRecorderParts {
  /** Resolves when they are recorded, or never will be. */
  record: (changes: NewChange[]) => Promise<void>;
  /** Absolute path of SOURCE. */
  source: string;
}

export class EventRecorder {
  readonly #prefix: Buffer;
  #unrecorded: NewChange[] = [];
  #flushing: Promise<void> | undefined;
  /** Ids of moves of which one half came so far. Both halves are recorded together, so they are read together. */
  readonly #halves = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: EventRecorderParts) {
    this.#prefix = Buffer.from(`${parts.source === '/' ? '' : parts.source}/`);
  }

  /** Resolves when the events have ended and are recorded. */
  async run(events: AsyncIterable<SourceEvent>): Promise<void> {
    for await (const { pathBytes, operation, timestamp, renameId } of events) {
      // The root itself has no path in a mirror; that it has gone is seen by whoever opens it.
      if (!pathBytes.subarray(0, this.#prefix.length).equals(this.#prefix)) continue;
      const key = pathBytes.subarray(this.#prefix.length);
      if (key.length === 0) continue;
      this.#unrecorded.push({ key, operation, timestamp, ...(renameId === undefined ? {} : { renameId }) });
      if (renameId !== undefined && !this.#halves.delete(renameId)) this.#halves.add(renameId);
      if (this.#halves.size === 0) this.#record();
      else this.#timer ??= setTimeout(() => this.#record(), limits.pairMs);
      if (this.#unrecorded.length >= limits.recordMax) await this.#record();
    }
    await this.#record();
  }

  /** All that is held, after what is being recorded already. */
  async #record(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#halves.clear();
    // With nothing to record it would end before it is noted here, and be waited for by all that follow.
    if (this.#unrecorded.length > 0) this.#flushing ??= this.#flush();
    await this.#flushing;
  }

  /** Half a move that comes meanwhile waits for the other half. */
  async #flush(): Promise<void> {
    try {
      while (this.#unrecorded.length > 0 && this.#halves.size === 0)
        await this.parts.record(this.#unrecorded.splice(0, limits.recordMax));
    } finally {
      this.#flushing = undefined;
    }
  }
}

/** A batch that ends between the halves of a move leaves the first one to the next batch. */
export function wholeMoves(changes: Change[]): Change[] {
  if (changes.length < limits.batchMax) return changes;
  const { renameId } = changes.at(-1)!;
  const isWhole =
    renameId === undefined || changes.findIndex((other) => other.renameId === renameId) < changes.length - 1;
  return isWhole ? changes : changes.slice(0, -1);
}
