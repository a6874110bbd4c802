/** Our watcher, as the mirror drives it: everything is told, no scan but at the start and after an overflow. */
import { createWatcher } from '../../../src/watcher/index.js';
import type { Watch } from './adapter.js';

export const watch: Watch = async ({ root, state }, hooks) => {
  const watcher = createWatcher({
    ...{ debounceMs: 10, bufferMax: 20, rescanMs: 0, hidden: true, tempSuffixes: [], metadataSuffixes: [] },
    ...(state === undefined ? {} : { statePath: state }),
  });
  let gate: Promise<void> | undefined;
  let open = () => {};
  let lost = Promise.resolve();
  let lose = () => {};
  watcher.on('overflow', ({ reason }) => {
    hooks.onOverflow(reason);
    lose();
  });
  watcher.on('scan', ({ cause }) => hooks.onScan(cause));
  watcher.on('error', (error) => hooks.onTrouble(error.message));
  const taking = (async () => {
    for await (const { pathBytes, operation } of watcher.events()) {
      hooks.onEvent({ path: pathBytes, operation });
      await gate;
    }
  })();
  await watcher.watch(root);
  return {
    quiet: () => watcher.idle(),
    async stop() {
      await watcher.stop();
      await taking;
    },
    pause() {
      lost = new Promise((resolve) => {
        lose = resolve;
      });
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    starve: () => lost,
    resume() {
      open();
      gate = undefined;
    },
  };
};
