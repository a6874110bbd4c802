/**
 * Writes the watcher's events into the change log. An event is on disk before anybody acts on it, so a slow or full
 * DEST delays nobody else.
 * Guarantees: memory is bounded. While the log cannot keep up, no events are taken from the watcher, which has its own
 * bound.
 */
import type { Change, NewChange } from '../../change-log/index.js';
import type { WatchEvent } from '../../watcher/index.js';
import { limits } from '../trees/limits.js';

export type SourceEvent = Pick<WatchEvent, 'pathBytes' | 'operation' | 'timestamp' | 'renameId'>;

export interface EventRecorderParts {
  /** Resolves when the changes are recorded, or at the end of the mirror. */
  record: (changes: NewChange[]) => Promise<void>;
  /** Absolute path of SOURCE. */
  source: string;
}

export class EventRecorder {
  readonly #prefix: Buffer;
  #unrecorded: NewChange[] = [];
  #flushing: Promise<void> | undefined;
  /** Ids of renames with only one half so far. Both halves are recorded together, so they are also read together. */
  readonly #halves = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: EventRecorderParts) {
    this.#prefix = Buffer.from(`${parts.source === '/' ? '' : parts.source}/`);
  }

  /** Resolves when the events have ended and are recorded. */
  async run(events: AsyncIterable<SourceEvent>): Promise<void> {
    for await (const { pathBytes, operation, timestamp, renameId } of events) {
      // The root itself has no path in a mirror. If it is gone, the next open notices that.
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

  /** Records all collected changes, after the recording that is already under way. */
  async #record(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#halves.clear();
    // With nothing to record, `#flush` would end before it is stored here, and all later calls would wait for it.
    if (this.#unrecorded.length > 0) this.#flushing ??= this.#flush();
    await this.#flushing;
  }

  /** Half a rename that arrives meanwhile waits for its other half. */
  async #flush(): Promise<void> {
    try {
      while (this.#unrecorded.length > 0 && this.#halves.size === 0)
        await this.parts.record(this.#unrecorded.splice(0, limits.recordMax));
    } finally {
      this.#flushing = undefined;
    }
  }
}

/** If a batch ends between the halves of a rename, the first half is left to the next batch. */
export function wholeMoves(changes: Change[]): Change[] {
  if (changes.length < limits.batchMax) return changes;
  const { renameId } = changes.at(-1)!;
  const isWhole =
    renameId === undefined || changes.findIndex((other) => other.renameId === renameId) < changes.length - 1;
  return isWhole ? changes : changes.slice(0, -1);
}
