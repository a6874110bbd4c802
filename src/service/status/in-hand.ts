/**
 * What is worked on just now. A process claims many files at once and has one of them in hand; the others are claimed, and wait
 * for it.
 */
import type { Job, QueueView } from '../../../queue/index.js';

export function jobsInHand(view: Pick<QueueView, 'owners' | 'job'>): Job[] {
  return view.owners().flatMap(({ alive, owner, job: id }) => {
    const job = alive && id !== null ? view.job(id) : undefined;
    return job?.state === 'claimed' && job.owner === owner ? [job] : [];
  });
}
