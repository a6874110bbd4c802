/** What a watcher looks like to the mirror: ours and those of others, each in a module of its own with a `watch`. */

export interface Changed {
  /** Absolute. */
  path: Buffer;
  operation: 'put' | 'delete';
}

export interface Hooks {
  onEvent(changed: Changed): void;
  /** It says that it lost events; `reason` in its own words. */
  onOverflow(reason: string): void;
  /** It looked at the whole tree; `cause` in its own words. */
  onScan(cause: string): void;
  /** It says that something else went wrong. */
  onTrouble(message: string): void;
}

export interface Watching {
  /** Resolves when everything that happened before is told, as far as this watcher knows. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

export interface Places {
  root: string;
}

/** What the module of an adapter exports as `watch`. Resolves when it watches. */
export type Watch = (places: Places, hooks: Hooks) => Promise<Watching>;
