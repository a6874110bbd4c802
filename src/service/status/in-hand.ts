/**
 * What is worked on just now. A process claims many files at once and has one a thread in hand; the others are claimed, and wait
 * for it.
 */
import { type Job, jobsInProgress, type QueueView } from '../../../queue/index.js';

/** A worker claims a file for this stage when a child is to take it: what is claimed there is worked on, and by no thread. */
export const isWithChild = (stage: string): boolean => stage === 'process';

export function jobsInHand(view: Pick<QueueView, 'owners' | 'job'>): Job[] {
  return view.owners().flatMap((slot) =>
    jobsInProgress(slot).flatMap((id) => {
      const job = slot.alive ? view.job(id) : undefined;
      return job?.state === 'claimed' && job.owner === slot.owner ? [job] : [];
    }),
  );
}
