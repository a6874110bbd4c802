/**
 * ingest-ctl pause: closes a stage, or all, of one feed or all, until resume or for a time. What is under way is finished.
 * ingest-ctl resume: opens what pause closed, within the stage and feed that are named; other causes stay closed.
 */
import type { Invocation } from '../base/config/read.js';
import { suggestion } from '../base/config/values/nearest.js';
import { STAGE_NAMES } from '../base/config/values/stage-names.js';
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import {
  pause as pauseScope,
  resume as resumeScope,
  resumes,
  type Scope,
  scopeText,
  whyNoStage,
} from '../ingest/health/pause.js';
import { print, printNote } from './console.js';
import { callerName, operate } from './state-view.js';

export async function pause(invocation: Invocation): Promise<number> {
  const scope = scopeOf(invocation);
  const { for: seconds, reason: why } = invocation.view;
  return operate(invocation, async (backend) => {
    const refused = whyNoStage(backend, scope);
    if (refused !== undefined) throw new OperatorError('unknown_stage', refused);
    const done = await pauseScope(backend, scope, { by: callerName(), why, seconds });
    print(safeText(`${done}; ${resumes(scope)} opens it${seconds === undefined ? '' : ' earlier'}`));
    return 0;
  });
}

export async function resume(invocation: Invocation): Promise<number> {
  const scope = scopeOf(invocation);
  return operate(invocation, async (backend) => {
    const { opened, left } = await resumeScope(backend, scope);
    for (const gate of opened) print(`${scopeText(gate)} is open again`);
    if (opened.length === 0) print(`${scopeText(scope)} was not paused`);
    for (const sentence of left) printNote(safeText(`ingest-ctl resume: ${sentence}`));
    return 0;
  });
}

/** The stage and feed that pause and resume are about: `*` stands for all. */
function scopeOf({ words, view }: Invocation): Scope {
  const stage = words[0] ?? '*';
  if (stage !== '*' && !(STAGE_NAMES as readonly string[]).includes(stage)) {
    throw new OperatorError(
      'unknown_stage',
      `${JSON.stringify(stage)} is not a stage; ${suggestion(stage, STAGE_NAMES)}the stages are ${STAGE_NAMES.join(', ')}.`,
    );
  }
  return { feed: view.feed ?? '*', stage };
}
