/** What every backend must do. A test file of a backend calls this with its kind. */
import { claimScenarios } from './conformance/claim.js';
import { crashScenarios } from './conformance/crash.js';
import { enqueueScenarios } from './conformance/enqueue.js';
import { settleScenarios } from './conformance/settle.js';
import { waitScenarios } from './conformance/wait.js';
import type { BackendKind } from './world.js';

export function conformance(kind: BackendKind): void {
  enqueueScenarios(kind);
  claimScenarios(kind);
  settleScenarios(kind);
  waitScenarios(kind);
  crashScenarios(kind);
}
