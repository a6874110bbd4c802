/**
 * Whether an earlier claim of a job may have brought its file into the warehouse. Then a file that is in neither place was taken
 * by a consumer; else it is missing, and a person has to look.
 * `moveAfter` is the last claim of which it is known that it moved nothing; only a later one can have.
 */
import type { JobFacts } from './facts.js';

/** `claimNo`: of the claim that asks. */
export const mayHaveMoved = ({ moveAfter = 0 }: Pick<JobFacts, 'moveAfter'>, claimNo: number): boolean =>
  claimNo > moveAfter + 1;

/** That claim, and none before it, has moved anything. */
export const movedNothing = (claimNo: number): Required<Pick<JobFacts, 'moveAfter'>> => ({ moveAfter: claimNo });

/** That claim is the first that can. */
export const mayMoveFrom = (claimNo: number): Required<Pick<JobFacts, 'moveAfter'>> => movedNothing(claimNo - 1);
