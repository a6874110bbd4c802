/** Takes jobs whose lines were just confirmed through `move` in the same claim. */
import type { Content } from '../ledger/content.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import { mayHaveMoved, mayMoveFrom } from '../rules/moved.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, Judged, Passed, Step } from '../steps/stage.js';
import { limits } from './limits.js';
import { move, moveAll } from './move.js';
import { DONE } from './move-one.js';

/** Moves the jobs that may go on, and returns the combined steps of both stages. */
export async function moveOnTheWay(
  jobs: readonly IngestJob[],
  steps: readonly Step[],
  contents: ReadonlyMap<IngestJob, Content | undefined>,
  batch: Batch,
): Promise<Judged> {
  if (!batch.goesOn(move.name)) return { steps: [...steps] };
  const bounded = { bytesLeft: limits.onTheWayBytes };
  const next = jobs.map((job, i) => goingOn(job, steps[i]!, bounded));
  const open = next.flatMap((one) => one ?? []);
  const all = new Map(open.map(({ at }, i) => [at, contents.get(open[i]!.job)]));
  const { steps: moved, around } = await moveAll([...all.keys()], all, batch);
  let n = 0;
  const both = steps.map((step, i) => {
    const one = next[i];
    return one ? combined(moved[n++]!, one.passed) : step;
  });
  return { steps: both, around };
}

/** For a job that has ended, the passed stage records nothing. */
const combined = (step: Step, passed: Passed): Step => ({ ...step, passed: step.outcome === DONE ? ENDED : passed });
const ENDED: Passed = { outcome: { kind: 'advance' } };

/** The job with its facts for `move`; undefined where it must be settled first. */
function goingOn(
  job: IngestJob,
  { outcome }: Step,
  bounded: { bytesLeft: number },
): { job: IngestJob; at: IngestJob; passed: Passed } | undefined {
  if (typeof outcome === 'function' || outcome.kind !== 'advance') return undefined;
  bounded.bytesLeft -= job.claim.bytes;
  if (bounded.bytesLeft < 0) return undefined;
  const facts = outcome.payload as unknown as JobFacts;
  const { claimNo } = job.claim;
  // If no earlier claim can have moved anything, this claim is the first one that can.
  const at = { ...job, facts: mayHaveMoved(facts, claimNo) ? facts : { ...facts, ...mayMoveFrom(claimNo) } };
  return { job, at, passed: { outcome: { ...outcome, payload: payloadOf(at.facts) } } };
}
