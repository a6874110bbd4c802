/**
 * Into which hour and day a line may be planned. That one is closed is a fact in the state, asked inside the planning
 * transaction: whatever a clock says, or since when a process was stopped, no line gets into a period that is closed.
 * Does not: close any; close.ts does.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Partition, partitionOf } from '../../files/places.js';

/** Hours and days begin at a quarter of an hour in every zone, and so does each change of its clock. */
export const QUARTER_MS = 900_000;

export const hourFolder = (feed: FeedOptions, { hour }: Pick<Partition, 'hour'>): string => `${feed.manifests}/${hour}`;
export const dateFolder = (feed: FeedOptions, { date }: Pick<Partition, 'date'>): string => `${feed.warehouse}/${date}`;

const CLOSED = "SELECT 1 FROM periods WHERE folder IN (?, ?) AND state <> 'open'";

/** The hour or its day. Feeds that share a folder share its end; it stays closed when markers are not wanted any more. */
export const isClosed = (reader: Reader, feed: FeedOptions, at: Partition): boolean =>
  reader.get(CLOSED, hourFolder(feed, at), dateFolder(feed, at)) !== undefined;

/**
 * The instant of now, or where its hour is closed already (the clock was set back) that at which the first one begins which
 * is not: line, hour and day speak of the same instant.
 */
export function firstOpen(reader: Reader, feed: FeedOptions, nowMs: number): Partition & { atMs: number } {
  for (let atMs = nowMs; ; atMs = (Math.floor(atMs / QUARTER_MS) + 1) * QUARTER_MS) {
    const at = partitionOf(atMs, feed.timezone);
    if (!isClosed(reader, feed, at)) return { ...at, atMs };
  }
}

/** In the transaction that plans lines there. */
export function noteLines(tx: Tx, feed: FeedOptions, at: Partition): void {
  if (feed.successMarkers) noteOpen(tx, [hourFolder(feed, at), dateFolder(feed, at)]);
}

export function noteOpen(tx: Tx, folders: readonly string[]): void {
  for (const folder of folders)
    tx.run("INSERT OR IGNORE INTO periods (folder, state, changed_ms) VALUES (?, 'open', ?)", folder, tx.wallMs);
}
