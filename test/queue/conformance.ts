/**
 * The suite that every backend must pass. The test file of a backend calls this with its kind.
 */
import { claimScenarios } from './conformance/claim.js';
import { crashScenarios } from './conformance/crash.js';
import { looksScenarios } from './conformance/details.js';
import { enqueueScenarios } from './conformance/enqueue.js';
import { forgetScenarios } from './conformance/forget.js';
import { interruptedScenarios } from './conformance/interrupted.js';
import { keepScenarios } from './conformance/keep.js';
import { ownTablesScenarios } from './conformance/own-tables.js';
import { settleScenarios } from './conformance/settle.js';
import { togetherScenarios } from './conformance/together.js';
import { waitScenarios } from './conformance/wait.js';
import { type BackendKind, scenario } from './world.js';

const ALL = [
  enqueueScenarios,
  claimScenarios,
  settleScenarios,
  keepScenarios,
  togetherScenarios,
  interruptedScenarios,
  waitScenarios,
  crashScenarios,
  looksScenarios,
  forgetScenarios,
  ownTablesScenarios,
];

export function conformance(kind: BackendKind): void {
  for (const scenarios of ALL) for (const [title, run] of Object.entries(scenarios)) scenario(kind, title, run);
}
