/** Our watcher with its defaults. */
import { createWatcher } from '../../../dist/watcher.js';

export async function watch({ root }, hooks) {
  const watcher = createWatcher();
  watcher.on('overflow', ({ reason }) => hooks.onOverflow(reason));
  watcher.on('scan', ({ cause }) => hooks.onScan(cause));
  watcher.on('error', (error) => hooks.onTrouble(error.message));
  (async () => {
    for await (const { pathBytes, operation } of watcher.events()) hooks.onEvent({ path: pathBytes, operation });
  })();
  await watcher.watch(root);
  return { quiet: () => watcher.idle(), stop: () => watcher.stop() };
}
