/** ingest-ctl rebuild: makes a lost state again, or brings an older one up to date, from manifests, warehouse and work directory. */
import { configOf } from '../base/config/load.js';
import { rebuild as rebuildState } from '../tools/rebuild/rebuild.js';
import { askedFor } from './ask.js';
import { print } from './console.js';
import { prepareState } from './state.js';

export async function rebuild(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('rebuild', argv);
  if (!invocation) return 0;
  const config = configOf(invocation, process.env);
  prepareState(config.service.statePath);
  return rebuildState(config, print);
}
