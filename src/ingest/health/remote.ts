import type { PlaceKind } from '../../files/place-error.js';

/** A place on other machines, as one worker uses it beside its batches. */
export interface Remote {
  readonly place: PlaceKind;
  /** Called every second. `isLast`: the next start may be far away. */
  round(isLast?: boolean): Promise<void>;
  /** Called every second, beside the rounds: a large file is read for minutes. */
  removeLocal?(): Promise<void>;
  /** Errors: PlaceError, while it does not serve the feed; another error where the answer says nothing about it. */
  ask(feed: string): Promise<unknown>;
  /** After a last round. Again: does nothing. */
  close(): Promise<void>;
}
