/**
 * ingest-ctl pause: closes a stage, or all, of one feed or all, until resume or for a time. What is under way is finished.
 */
import type { Invocation } from '../base/config/read.js';
import { safeText } from '../base/telemetry/safe.js';
import { pause as pauseScope, resumes } from '../ingest/health/pause.js';
import { callerName } from './caller.js';
import { print } from './console.js';
import { operate } from './operate.js';
import { scopeOf } from './pause-scope.js';

export async function pause(invocation: Invocation): Promise<number> {
  const scope = scopeOf(invocation);
  const { for: seconds, reason: why } = invocation.view;
  return operate(invocation, async (backend) => {
    const done = await pauseScope(backend, scope, { by: callerName(), why, seconds });
    print(safeText(`${done}; ${resumes(scope)} opens it${seconds === undefined ? '' : ' earlier'}`));
    return 0;
  });
}
