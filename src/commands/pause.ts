/** ingest-ctl pause: closes a stage, or all, of one feed or all, until resume. What is under way is finished. */
import type { Invocation } from '../base/config/read.js';
import { pause as pauseScope, resumes, scopeText } from '../ingest/gates/pause.js';
import { callerName } from './caller.js';
import { print } from './console.js';
import { operate } from './operate.js';
import { scopeOf } from './pause-scope.js';

export async function pause(invocation: Invocation): Promise<number> {
  const scope = scopeOf(invocation);
  return operate(invocation, async (backend) => {
    const isNew = await pauseScope(backend, scope, callerName());
    print(`${scopeText(scope)} ${isNew ? 'is paused' : 'was paused already'}; ${resumes(scope)} opens it again`);
    return 0;
  });
}
