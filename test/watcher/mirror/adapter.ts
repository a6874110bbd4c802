/**
 * The interface of a watcher to the mirror: ours and those of others, each in its own module with a `watch`.
 */

export interface Changed {
  /** Absolute. */
  path: Buffer;
  operation: 'put' | 'delete';
}

export interface Hooks {
  onEvent(changed: Changed): void;
  /** It reports lost events; `reason` in its own words. */
  onOverflow(reason: string): void;
  /** It has scanned the whole tree; `cause` in its own words. */
  onScan(cause: string): void;
  /** It reports another problem. */
  onTrouble(message: string): void;
}

export interface Watching {
  /** Resolves when everything that happened before is reported, as far as this watcher knows. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

export interface Places {
  root: string;
}

/** The module of an adapter exports this as `watch`. Resolves when it watches. */
export type Watch = (places: Places, hooks: Hooks) => Promise<Watching>;
