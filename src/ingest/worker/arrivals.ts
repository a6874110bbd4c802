/**
 * Notes which expected files have arrived, in the transaction that settles them: of a feed with expectations a match a file,
 * and a row a batch.
 * Does not: note what is held, discarded or dropped.
 */
import type { Around, Decision, JobId, Outcome, Settlement } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { ByteName } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';
import { globsOf, noteArrival } from '../ledger/arrivals.js';

/** Stored, or known already: its uploader has delivered it either way. */
const ARRIVED = ['stored', 'duplicate'];

/** Answers what is to be settled, and what else is written with it. */
export function notingArrivals(
  feed: FeedOptions | undefined,
  settlements: readonly Settlement[],
  around: Around | undefined,
): [readonly Settlement[], Around | undefined] {
  const globs = feed ? globsOf(feed) : [];
  if (!feed || globs.length === 0) return [settlements, around];
  const arrived = new Set<JobId>();
  const noted = settlements.map((one) => ({ ...one, outcome: watched(one, arrived) }));
  const after: Around['after'] = (tx, settled) => {
    around?.after?.(tx, settled);
    const paths = settlements
      .filter(({ job }) => arrived.has(job.id) && settled.has(job.id))
      .map(({ job }) => job.key.toString('latin1') as ByteName);
    for (const glob of globs) if (paths.some(matcherFor(glob))) noteArrival(tx, feed.name, glob);
  };
  // Not a spread: that leaves out what a class has on its prototype, as the planning ahead does.
  return [noted, { before: (tx) => around?.before?.(tx), after }];
}

/** A function decides inside the transaction, so its outcome is known there alone. */
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
