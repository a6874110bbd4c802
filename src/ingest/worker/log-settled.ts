/** Logs the results of a settled batch: the stages' own events, held files, and with --trace every verdict on every file. */
import { join } from 'node:path';
import type { ClaimedJob, Outcome, SettleAnswer } from '../../../queue/backend.js';
import { remedyOf } from '../../base/remedy.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Verdict } from '../stages/stage.js';

export interface Logging {
  emit: Emit;
  trace: boolean;
  /** The feed's input, which is put before the path. */
  input: string;
}

export function logSettled(
  stage: string,
  done: readonly { job: ClaimedJob; verdict: Verdict }[],
  answers: readonly SettleAnswer[],
  { emit, trace, input }: Logging,
): void {
  answers.forEach((answer, i) => {
    const { job, verdict } = done[i]!;
    // Most settlements say nothing here.
    const named = () => ({ feed: job.feed, job: job.id, path: join(input, job.key.toString('utf8')), stage });
    if (!answer.settled) {
      emit('claim_lost', named());
      return;
    }
    verdict.onSettled?.(answer.outcome);
    if (answer.outcome.kind === 'hold')
      emit('file_held', {
        ...named(),
        code: answer.outcome.code,
        reason: answer.outcome.reason,
        hint: remedyOf(answer.outcome.code, job.id, job.feed),
      });
    if (answer.outcome.kind === 'drop') emit('file_dropped', { ...named(), why: answer.outcome.why });
    if (answer.outcome.kind === 'retry')
      emit('file_retry', {
        ...named(),
        code: answer.outcome.code,
        reason: answer.outcome.error,
        attempt: job.attempts + 1,
      });
    if (trace) emit('stage_step', { ...named(), outcome: answer.outcome.kind, why: whyOf(answer.outcome) });
  });
}

function whyOf(outcome: Outcome): string | undefined {
  if ('why' in outcome) return outcome.why;
  return outcome.kind === 'finish' ? outcome.ending : undefined;
}
