/** The words of a change log. */

export interface ChangeLogOptions {
  /** The database, on a local filesystem; made (0600) where there is none. `-wal`, `-shm` and `.lock` lie beside it. */
  path: string;
  /** Keys kept at most. Beyond it the oldest go, and consumers that had not acknowledged them are lost. Default 1,000,000. */
  entriesMax?: number;
  /** Told of lost consumers. The shape of bunyan and pino. What it throws is warned of once, by Node's `warning`. */
  logger?: { warn: (fields: object, message: string) => void };
}

export type Operation = 'put' | 'delete';

export interface NewChange {
  /** Text is recorded as its UTF-8 bytes. 1 to 8,192 bytes. */
  key: string | Buffer;
  operation: Operation;
  timestamp: Date;
  /** The same on the delete of an old name and the put of the new one. */
  renameId?: string;
}

export interface Change {
  /** Ascending, never given twice, with gaps. */
  seq: number;
  key: Buffer;
  operation: Operation;
  timestamp: Date;
  renameId?: string;
}

export interface Consumer {
  name: string;
  /** Everything up to here was acknowledged. */
  acked: number;
  /** It lagged beyond the bound: `register` begins it anew. */
  lost: boolean;
}

export interface Registered {
  /** Where to go on: `since(seq)`. */
  seq: number;
  /**
   * It was not known, or was lost: what lies before `seq` has to be looked at by other means first. False: all that was
   * **recorded** after `seq` is there. What happened while nobody recorded is not: give the watcher a `statePath`, and it
   * tells that at its next start.
   */
  fresh: boolean;
}

/**
 * A durable list of keys that changed, which any number of consumers read at their own pace.
 *
 * Promises
 * - What `record` or `ack` resolved for is on disk (`synchronous=FULL`): no crash of a process or of the machine takes it away.
 * - `since(seq)` answers, by ascending seq, each key that was recorded after `seq` **once, with its last state**. States
 *   in between are not kept: who follows the log arrives at what is, not at how it came about.
 * - A key that is recorded again after it was read comes again, with a higher seq. So a consumer that acknowledges what it has
 *   dealt with misses nothing, through crashes of its own too; it may see the same change twice.
 * - What all registered consumers have acknowledged goes. Without any consumer nothing does, up to `entriesMax`.
 * - A `since` whose answer would have a hole in it is refused (`change_log_gap`), never silently short.
 * - Several processes may use one log at the same time.
 *
 * Every method rejects with ChangeLogError: its message is a sentence for people, its `code` for programs.
 */
export interface ChangeLog {
  /** All of it in one transaction; at most 20,000. Resolves with the seq of the last one. */
  record(changes: NewChange | readonly NewChange[]): Promise<number>;
  /** `limit`: 1,000 if not given, at most 100,000. Empty: there is nothing newer yet. */
  since(seq: number, options?: { limit?: number }): Promise<Change[]>;
  /** The newest seq ever recorded; 0 before the first. */
  last(): Promise<number>;
  /** Makes a consumer known, from `now` on (default) or from the `oldest` change that is kept. One that is known stays as it is. */
  register(consumer: string, options?: { from?: 'now' | 'oldest' }): Promise<Registered>;
  /** All up to `seq` is dealt with. A seq below one that was acknowledged changes nothing. */
  ack(consumer: string, seq: number): Promise<void>;
  /** Nothing is kept for it any more. Answers whether it was known. */
  forget(consumer: string): Promise<boolean>;
  consumers(): Promise<Consumer[]>;
  /** What was asked for is written first. Safe to call twice; every other call rejects from now on. */
  close(): Promise<void>;
}
