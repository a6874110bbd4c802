/**
 * Answers whether an earlier claim of a job may have moved its file into the warehouse. If so, a file that is at neither place was
 * taken by a consumer. If not, the file is missing, and an operator must act.
 * `moveAfter` is the last claim that is known to have moved nothing; only a later claim can have moved the file.
 */
import type { JobFacts } from './facts.js';

/** `claimNo`: the current claim. */
export const mayHaveMoved = ({ moveAfter = 0 }: Pick<JobFacts, 'moveAfter'>, claimNo: number): boolean =>
  claimNo > moveAfter + 1;

/** Neither that claim nor an earlier one has moved anything. */
export const movedNothing = (claimNo: number): Required<Pick<JobFacts, 'moveAfter'>> => ({ moveAfter: claimNo });

/** That claim is the first one that can move the file. */
export const mayMoveFrom = (claimNo: number): Required<Pick<JobFacts, 'moveAfter'>> => movedNothing(claimNo - 1);
