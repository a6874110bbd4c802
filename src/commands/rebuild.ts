/** ingest-ctl rebuild: makes a lost state again, or brings an older one up to date, from manifests, warehouse and work directory. */
import { configOf } from '../base/config/load.js';
import type { Invocation } from '../base/config/read.js';
import { Progress } from '../base/telemetry/progress.js';
import { readHere } from '../files/open-files.js';
import { possibleWork } from '../ingest/upkeep/work-place.js';
import { rebuild as rebuildState } from '../tools/rebuild/rebuild.js';
import { awayFolders } from './away-folders.js';
import { print } from './console.js';
import { prepareState } from './state.js';

export async function rebuild(invocation: Invocation): Promise<number> {
  const config = configOf(invocation, process.env, await awayFolders(invocation, false));
  prepareState(config.service.statePath);
  const works = config.feeds.flatMap(possibleWork);
  const progress = new Progress('ingest-ctl rebuild', () => readHere(works));
  const say = (line: string) => {
    progress.clear();
    print(line);
  };
  return rebuildState(config, say, (work) => progress.show(work)).finally(() => progress.end());
}
