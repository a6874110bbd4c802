/**
 * Records when an expected file of a feed arrived: one row for each pattern, written in the transaction that settles the file.
 * Guarantees: nothing is written for a feed without expectations.
 */
import type { Backend, OwnerId, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';

export interface Arrival {
  glob: string;
  /** Wall-clock ms since when it is expected. */
  sinceMs: number;
  arrivedMs: number | null;
  owner: OwnerId;
}

type Expecting = Pick<FeedOptions, 'name' | 'expect'>;

export const globsOf = ({ expect = [] }: Expecting): string[] => [...new Set(expect.map(({ glob }) => glob))];

/** The feed expects these patterns from now on, while this process lives. Patterns that are no longer expected are forgotten. */
export async function enterExpectations(backend: Backend, feed: Expecting): Promise<void> {
  const globs = globsOf(feed);
  const gone = arrivalsOf(backend, feed.name).filter(({ glob }) => !globs.includes(glob));
  if (globs.length + gone.length === 0) return;
  await backend.transact((tx) => {
    for (const { glob } of gone) tx.run(FORGET, feed.name, glob);
    for (const glob of globs) tx.run(ENTER, feed.name, glob, tx.wallMs, backend.owner);
  });
}

/** A clock that was ahead left times that have not come. */
const ENTER = `INSERT INTO expectations VALUES (?, ?, ?, NULL, ?)
  ON CONFLICT DO UPDATE SET owner = excluded.owner, since_ms = min(since_ms, excluded.since_ms),
    arrived_ms = min(arrived_ms, excluded.since_ms)`;
const FORGET = 'DELETE FROM expectations WHERE feed = ? AND glob = ?';
const ARRIVED = 'UPDATE expectations SET arrived_ms = ? WHERE feed = ? AND glob = ?';
const OF_FEED = `SELECT glob, since_ms AS sinceMs, arrived_ms AS arrivedMs, owner FROM expectations
  WHERE feed = ? ORDER BY glob`;

export function noteArrival(tx: Tx, feed: string, glob: string): void {
  tx.run(ARRIVED, tx.wallMs, feed, glob);
}

/** Includes patterns that nobody expects any more. */
export const arrivalsOf = (state: Pick<Backend, 'read'>, feed: string): Arrival[] =>
  state.read((rows) => rows.all<Arrival>(OF_FEED, feed));
