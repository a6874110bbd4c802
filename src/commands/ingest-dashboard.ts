/** ingest-dashboard: the dashboard alone, beside daemons or without any. */
import { dashboardConfigOf } from '../base/config/load.js';
import { askedFor } from './ask.js';
import { runChildren } from './run-children.js';
import { refuseUnusableState, stateFor } from './state.js';

export async function ingestDashboard(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest-dashboard', argv);
  if (!invocation) return 0;
  const config = dashboardConfigOf(invocation, process.env);
  refuseUnusableState(await stateFor(invocation));
  const ended = await runChildren('ingest-dashboard', config, [{ role: 'dashboard', stages: [] }]);
  return ended.exitCode;
}
