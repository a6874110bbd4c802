/** ingest-ctl resume: opens what pause closed, within the stage and feed that are named; other causes stay closed. */
import type { Invocation } from '../base/config/read.js';
import { safeText } from '../base/telemetry/safe.js';
import { resume as resumeScope, scopeText } from '../ingest/health/pause.js';
import { print, printNote } from './console.js';
import { operate } from './operate.js';
import { scopeOf } from './pause-scope.js';

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
