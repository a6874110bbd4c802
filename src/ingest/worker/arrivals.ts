/**
 * Records the arrival of expected files, in the transaction that settles them. It costs a feed with expectations one match for
 * each file, and one row for each batch.
 * Does not: count files that are held, discarded or dropped.
 */
import type { Also, Decision, JobId, Outcome, Settlement } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { ByteName } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';
import { globsOf, noteArrival } from '../ledger/arrivals.js';

/** Stored, or a duplicate: the uploader has delivered it either way. */
const ARRIVED = ['stored', 'duplicate'];

/** Returns the settlements to use, and the additional writes. */
export function notingArrivals(
  feed: FeedOptions | undefined,
  settlements: readonly Settlement[],
  also: Also | undefined,
): [readonly Settlement[], Also | undefined] {
  const globs = feed ? globsOf(feed) : [];
  if (!feed || globs.length === 0) return [settlements, also];
  const arrived = new Set<JobId>();
  const noted = settlements.map((one) => ({ ...one, outcome: watched(one, arrived) }));
  const noting: Also = (tx, settled) => {
    also?.(tx, settled);
    const paths = settlements
      .filter(({ job }) => arrived.has(job.id) && settled.has(job.id))
      .map(({ job }) => job.key.toString('latin1') as ByteName);
    for (const glob of globs) if (paths.some(matcherFor(glob))) noteArrival(tx, feed.name, glob);
  };
  return [noted, noting];
}

/** A decision that is a function runs inside the transaction, so its outcome is known only there. */
function watched({ job, outcome }: Settlement, arrived: Set<JobId>): Decision {
  const note = (decided: Outcome): Outcome => {
    if (decided.kind === 'finish' && ARRIVED.includes(decided.ending)) arrived.add(job.id);
    else arrived.delete(job.id);
    return decided;
  };
  return typeof outcome === 'function' ? (tx, claimed) => note(outcome(tx, claimed)) : note(outcome);
}

const matchers = new Map<string, (path: ByteName) => boolean>();

function matcherFor(glob: string): (path: ByteName) => boolean {
  const made = matchers.get(glob) ?? matcherOf([glob])!;
  matchers.set(glob, made);
  return made;
}
