/**
 * The public types of the change log.
 */

export interface ChangeLogOptions {
  /** The database file, on a local filesystem. Created (0600) if missing. `-wal`, `-shm` and `.lock` are beside it. */
  path: string;
  /**
   * The most keys that are kept. Beyond it the oldest are removed, and consumers that had not acknowledged them are
   * lost. Default 1,000,000.
   */
  entriesMax?: number | undefined;
  /**
   * Gets one warning for each lost consumer. Same shape as bunyan and pino. If it throws, Node's `warning` reports that
   * once.
   */
  logger?: { warn: (fields: object, message: string) => void } | undefined;
}

export type Operation = 'put' | 'delete';

export interface NewChange {
  /** Text is recorded as its UTF-8 bytes. 1 to 8,192 bytes. */
  key: string | Buffer;
  operation: Operation;
  timestamp: Date;
  /** Equal on the delete of the old name and the put of the new name. */
  renameId?: string | undefined;
}

export interface Change {
  /** Ascending, never reused; gaps are possible. */
  seq: number;
  key: Buffer;
  operation: Operation;
  timestamp: Date;
  renameId?: string;
}

export interface Consumer {
  name: string;
  /** All changes up to this seq are acknowledged. */
  acked: number;
  /** It lagged beyond the bound. `register` starts it again. */
  lost: boolean;
  /** It has acknowledged nothing since it was registered. */
  fresh: boolean;
}

export interface Registered {
  /** The seq from which to continue: `since(seq)`. */
  seq: number;
  /**
   * True until the first `ack` of a consumer that was unknown or lost. The log does not have all of its changes: first
   * read all that you follow (for files, the whole tree), then acknowledge `seq` and go on from it.
   * False: everything **recorded** after `seq` is in the log. Changes while nobody recorded are not: give the watcher a
   * `statePath`, and it emits them at its next start.
   */
  fresh: boolean;
}

/**
 * A durable list of keys that changed. Any number of consumers read it, each at its own speed.
 *
 * Promises
 * - After `record` or `ack` resolves, the data is on disk (`synchronous=FULL`). No crash of the process or of the
 *   machine removes it.
 * - `since(seq)` returns, by ascending seq, each key that was recorded after `seq` **once, with its last state**.
 *   States in between are not kept: a reader arrives at the current state, not at its history.
 * - A key that is recorded again after it was read is returned again, with a higher seq. So a consumer that
 *   acknowledges what it has finished misses nothing, even through its own crashes. It may see the same change twice.
 * - Changes that all registered consumers have acknowledged are removed. Without a consumer nothing is removed, up to
 *   `entriesMax`.
 * - `since` is refused (`change_log_gap`) if its result would have a hole, or if `seq` is beyond the newest one. It is
 *   never silently short. If the file was removed or replaced, every call is refused (`change_log_replaced`).
 * - Several processes may use one log at the same time.
 *
 * Every method rejects with ChangeLogError: its message is a sentence for people, its `code` is for programs.
 */
export interface ChangeLog {
  /** Records all changes in one transaction; at most 20,000. Resolves with the seq of the last one. */
  record(changes: NewChange | readonly NewChange[]): Promise<number>;
  /** `limit`: default 1,000, at most 100,000. An empty list: there is nothing newer yet. */
  since(seq: number, options?: { limit?: number }): Promise<Change[]>;
  /** The newest seq ever recorded; 0 before the first one. */
  last(): Promise<number>;
  /**
   * Registers a consumer, from `now` on (default) or from the `oldest` change that is kept. A consumer that is already
   * registered stays unchanged.
   */
  register(consumer: string, options?: { from?: 'now' | 'oldest' }): Promise<Registered>;
  /** Acknowledges all changes up to `seq`. A seq below the last acknowledged one changes nothing. */
  ack(consumer: string, seq: number): Promise<void>;
  /** Removes the consumer, so that nothing is kept for it. Returns whether it was registered. */
  forget(consumer: string): Promise<boolean>;
  consumers(): Promise<Consumer[]>;
  /** Writes what is still pending, then closes. Safe to call twice; every other call then rejects. */
  close(): Promise<void>;
}
