/**
 * Records the arrival of expected files, in the transaction that settles them. It costs a feed with expectations one match for
 * each file, and one row for each batch.
 * Does not: count files that are held, discarded or dropped.
 */
import type { Also, ClaimedJob, Outcome } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import type { ByteName } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';
import { globsOf, noteArrival } from '../ledger/arrivals.js';
import { factsOf } from '../rules/facts.js';

/** Stored, or a duplicate: the uploader has delivered it either way. */
const ARRIVED = ['stored', 'duplicate'];

/** The writes of a settlement, `also` among them. */
export function notingArrivals(
  feed: FeedOptions | undefined,
  jobs: readonly ClaimedJob[],
  also: Also | undefined,
): Also | undefined {
  const globs = feed ? globsOf(feed) : [];
  if (!feed || globs.length === 0) return also;
  return (tx, settled) => {
    also?.(tx, settled);
    const paths = jobs
      .filter((job) => hasArrived(job, settled.get(job.id)))
      .map(({ key }) => key.toString('latin1') as ByteName);
    for (const glob of globs) if (paths.some(matcherFor(glob))) noteArrival(tx, feed.name, glob);
  };
}

/** A file that is published was stored before, perhaps long ago. */
function hasArrived(job: ClaimedJob, outcome: Outcome | undefined): boolean {
  if (job.stage === PUBLISH) return false;
  if (outcome?.kind === 'finish') return ARRIVED.includes(outcome.ending);
  return outcome?.kind === 'advance' && job.stage === 'move' && factsOf(job).putAway?.kind !== 'withdrawn';
}

const matchers = new Map<string, (path: ByteName) => boolean>();

function matcherFor(glob: string): (path: ByteName) => boolean {
  const made = matchers.get(glob) ?? matcherOf([glob])!;
  matchers.set(glob, made);
  return made;
}
