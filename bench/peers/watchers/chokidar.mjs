/** chokidar as its readme shows it; symlinks are not followed, as nobody else here does. */
import { watch as chokidarWatch } from 'chokidar';
import { Quiet } from './quiet.mjs';

const PUTS = ['add', 'addDir', 'change'];

export async function watch({ root }, hooks) {
  const quiet = new Quiet();
  const watcher = chokidarWatch(root, { ignoreInitial: true, followSymlinks: false });
  watcher.on('all', (event, path) => {
    quiet.heard();
    hooks.onEvent({ path: Buffer.from(path), operation: PUTS.includes(event) ? 'put' : 'delete' });
  });
  watcher.on('error', (error) => hooks.onTrouble(error.message));
  await new Promise((resolve) => watcher.on('ready', resolve));
  return { quiet: () => quiet.now(), stop: () => watcher.close() };
}
