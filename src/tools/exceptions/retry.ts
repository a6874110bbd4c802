/** An operator sends held jobs through their stage again. */
import type { Backend, JobId } from '../../../queue/backend.js';
import { isHealedByRetry, ofCode, remedyOf } from '../../base/remedy.js';
import { partsOf, type Service, services } from '../../ingest/ledger/services.js';

/** Returns per id whether the job was held. `onUnhealed`: for each one that is held again, unless something else is done. */
export function retryJobs(
  backend: Backend,
  ids: readonly JobId[],
  onUnhealed: (code: string) => void,
): Promise<boolean[]> {
  const living = services(backend).filter(({ owner }) => backend.isAlive(owner));
  return backend.amendHeld(ids, (_tx, job) => {
    const isOlder = ({ title, startedMs }: Service) =>
      startedMs < job.updatedAtMs && partsOf(title).includes(job.stage);
    if (!isHealedByRetry(job.holdCode!, !living.some(isOlder))) onUnhealed(job.holdCode!);
    return { kind: 'back', to: job.stage };
  });
}

/** A sentence for each code. */
export const unhealed = (codes: ReadonlySet<string>): string[] =>
  [...codes].map((code) => `a retry alone does not heal ${code}: ${remedyOf(code, ofCode(code))}`);
