/**
 * When something that a feed is expected to deliver has arrived: a row a pattern, written in the transaction that settles
 * the file.
 * Guarantees: nothing is written for a feed without expectations.
 */
import type { Backend, Reader, Tx } from '../../queue/backend.js';
import type { FeedOptions } from '../config/options.js';

export interface Arrival {
  glob: string;
  /** Wall-clock ms; since when it is looked at. */
  sinceMs: number;
  arrivedMs: number | null;
}

type Expecting = Pick<FeedOptions, 'name' | 'expect'>;

export const globsOf = ({ expect = [] }: Expecting): string[] => [...new Set(expect.map(({ glob }) => glob))];

/** From now on these are looked at, and those that are not expected any more are forgotten. */
export async function enterExpectations(backend: Backend, feed: Expecting): Promise<void> {
  const globs = globsOf(feed);
  const known = arrivalsOf(backend, feed.name).map(({ glob }) => glob);
  if (globs.length === known.length && globs.every((glob) => known.includes(glob))) return;
  await backend.transact((tx) => {
    for (const glob of known) if (!globs.includes(glob)) tx.run(FORGET, feed.name, glob);
    for (const glob of globs) tx.run(ENTER, feed.name, glob, tx.wallMs);
  });
}

const ENTER = 'INSERT OR IGNORE INTO expectations (feed, glob, since_ms) VALUES (?, ?, ?)';
const FORGET = 'DELETE FROM expectations WHERE feed = ? AND glob = ?';
const ARRIVED = `INSERT INTO expectations (feed, glob, since_ms, arrived_ms) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET arrived_ms = excluded.arrived_ms`;

export function noteArrival(tx: Tx, feed: string, glob: string): void {
  tx.run(ARRIVED, feed, glob, tx.wallMs, tx.wallMs);
}

export const arrivalsOf = (state: { read<T>(fn: (rows: Reader) => T): T }, feed: string): Arrival[] =>
  state.read((rows) =>
    rows.all<Arrival>(
      'SELECT glob, since_ms AS sinceMs, arrived_ms AS arrivedMs FROM expectations WHERE feed = ? ORDER BY glob',
      feed,
    ),
  );
