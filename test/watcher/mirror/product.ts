/**
 * Our watcher for the mirror: everything is reported, and there is no scan except at the start and after an overflow.
 */
import { createWatcher } from '../../../src/watcher/index.js';
import type { Watch } from './adapter.js';

export const watch: Watch = async ({ root }, hooks) => {
  const all = { rescanMs: 0, hidden: true, tempSuffixes: [], metadataSuffixes: [] };
  const watcher = createWatcher({ debounceMs: 10, bufferMax: 20, ...all });
  watcher.on('overflow', ({ reason }) => hooks.onOverflow(reason));
  watcher.on('scan', ({ cause }) => hooks.onScan(cause));
  watcher.on('error', (error) => hooks.onTrouble(error.message));
  const taking = (async () => {
    for await (const { pathBytes, operation } of watcher.events()) hooks.onEvent({ path: pathBytes, operation });
  })();
  await watcher.watch(root);
  return {
    quiet: () => watcher.idle(),
    async stop() {
      await watcher.stop();
      await taking;
    },
  };
};
