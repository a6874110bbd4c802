/**
 * Decides into which hour and day a line may be planned. A closed period is a fact in the state, read inside the planning
 * transaction. So no line gets into a closed period, whatever a clock says or however long a process was stopped.
 * Does not: close a period; close.ts does.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Partition, partitionOf } from '../../files/job-paths.js';

/** In every time zone, hours, days and clock changes begin at a quarter of an hour. */
export const QUARTER_MS = 900_000;

export const hourFolder = (feed: FeedOptions, { hour }: Pick<Partition, 'hour'>): string => `${feed.manifests}/${hour}`;
export const dateFolder = (feed: FeedOptions, { date }: Pick<Partition, 'date'>): string => `${feed.warehouse}/${date}`;

const CLOSED = "SELECT 1 FROM periods WHERE folder IN (?, ?) AND state <> 'open'";

/** True where the hour or its day is closed. A folder that feeds share closes for all of them. It stays closed without --success-markers. */
export const isClosed = (reader: Reader, feed: FeedOptions, at: Partition): boolean =>
  reader.get(CLOSED, hourFolder(feed, at), dateFolder(feed, at)) !== undefined;

/**
 * The current instant. If its hour is closed already (the clock was set back), the beginning of the first open one. Line, hour and
 * day belong to the same instant.
 */
export function firstOpen(reader: Reader, feed: FeedOptions, nowMs: number): Partition & { atMs: number } {
  for (let atMs = nowMs; ; atMs = (Math.floor(atMs / QUARTER_MS) + 1) * QUARTER_MS) {
    const at = partitionOf(atMs, feed.timezone);
    if (!isClosed(reader, feed, at)) return { ...at, atMs };
  }
}

/** Called in the transaction that plans lines there. */
export function noteLines(tx: Tx, feed: FeedOptions, at: Partition): void {
  if (feed.successMarkers) noteOpen(tx, [hourFolder(feed, at), dateFolder(feed, at)]);
}

export function noteOpen(tx: Tx, folders: readonly string[]): void {
  for (const folder of folders)
    tx.run("INSERT OR IGNORE INTO periods (folder, state, changed_ms) VALUES (?, 'open', ?)", folder, tx.wallMs);
}
