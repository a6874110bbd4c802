/**
 * The jobs in progress. A process claims many files at once and works on one in each thread; the others are claimed, and wait.
 */
import { type Job, jobsOfSlot, type QueueView } from '../../../queue/index.js';

/** A worker claims a file for this stage when a child can take it. So each claimed job there is in progress, but in no thread. */
export const isWithChild = (stage: string): boolean => stage === 'process';

export function jobsInProgress(view: Pick<QueueView, 'owners' | 'job'>): Job[] {
  return view.owners().flatMap((slot) =>
    jobsOfSlot(slot).flatMap((id) => {
      const job = slot.alive ? view.job(id) : undefined;
      return job?.state === 'claimed' && job.owner === slot.owner ? [job] : [];
    }),
  );
}
