/** What the reconciler finds out, and whom it asks. */
import type { ByteName } from '../linux/names.js';
import type { Entry } from './picture.js';
import type { WatchEvent } from './types.js';

export type EventCause = WatchEvent['cause'];

export interface Telling {
  operation: WatchEvent['operation'];
  path: ByteName;
  entry: Entry;
  cause: EventCause;
  renameId?: string | undefined;
}

export interface ReconcilerHooks {
  /** Waits for room; throws when there is none, or when the watcher was stopped. */
  room(cause: EventCause): Promise<void> | undefined;
  /** Answers the number of the event, for the picture. */
  tell(telling: Telling): number;
  /** Whether an entry of this name and kind is told at all. */
  tells(path: ByteName, isDirectory: boolean): boolean;
  /** A directory was met by an event: what it holds has to be read, unless that is under way. */
  directory(path: ByteName): void;
  /** It is gone, and may turn up under another name in a moment: to be marked again then, by `delete`. */
  later(path: ByteName): void;
  /** It cannot be looked at. */
  failed(path: ByteName, code: string): void;
  /** It could be looked at. */
  seen(path: ByteName): void;
  renameId(): string;
}
