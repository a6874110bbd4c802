/** ingest-ctl rebuild: makes a lost state again, or brings an older one up to date, from manifests, warehouse and work directory. */

import { configOf } from '../base/config/load.js';
import type { Invocation } from '../base/config/read.js';
import { rebuild as rebuildState } from '../tools/rebuild/rebuild.js';
import { print } from './console.js';
import { prepareState } from './state.js';

export async function rebuild(invocation: Invocation): Promise<number> {
  const config = configOf(invocation, process.env);
  prepareState(config.service.statePath);
  return rebuildState(config, print);
}
