/** An operator sends held jobs through their stage again. */
import type { Backend, JobId } from '../../../queue/backend.js';
import { isHealedByRetry, remedyOf } from '../../base/remedy.js';

/** Returns per id whether the job was held. `onUnhealed`: for each one that is held again, unless something else is done. */
export const retryJobs = (
  backend: Backend,
  ids: readonly JobId[],
  onUnhealed: (code: string) => void,
): Promise<boolean[]> =>
  backend.amendHeld(ids, (_tx, job) => {
    if (!isHealedByRetry(job.holdCode!)) onUnhealed(job.holdCode!);
    return { kind: 'back', to: job.stage };
  });

/** A sentence for each code. */
export const unhealed = (codes: ReadonlySet<string>): string[] =>
  [...codes].map((code) => `a retry alone does not heal ${code}: ${remedyOf(code)}`);
