/** fs.watch, recursive. It tells a name alone: whether that is there is looked up at once, as its users do. */
import { watch as fsWatch, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { Quiet } from './quiet.mjs';

export async function watch({ root }, hooks) {
  const quiet = new Quiet();
  const watcher = fsWatch(root, { recursive: true }, (_, name) => {
    quiet.heard();
    if (name === null) return;
    const path = join(root, name);
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    hooks.onEvent({ path: Buffer.from(path), operation: isThere ? 'put' : 'delete' });
  });
  watcher.on('error', (error) => hooks.onTrouble(error.message));
  return { quiet: () => quiet.now(), stop: async () => watcher.close() };
}
