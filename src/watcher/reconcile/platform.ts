/**
 * The parts of a watcher that depend on the system: the engine's backend, and the looker that checks paths.
 */
import type { Backend } from '../backend/backend.js';
import type { OpenRoot } from '../backend/types.js';
import type { Settings } from '../options/options.js';
import type { Looker } from './looker.js';

export interface Platform {
  backend: Backend;
  looker(root: OpenRoot): Looker;
}

/** The binding of Linux's calls is loaded only if it is used. */
export async function platformOf({ backend }: Pick<Settings, 'backend'>): Promise<Platform> {
  if (backend === 'inotify' || (backend === 'poll' && process.platform === 'linux')) {
    const [{ linuxBackend }, { LinuxLooker }] = await Promise.all([
      import('../backend/linux-backend.js'),
      import('./linux-looker.js'),
    ]);
    return { backend: linuxBackend, looker: (root) => new LinuxLooker(root) };
  }
  const [{ nodeBackend }, { NodeLooker }] = await Promise.all([
    import('../backend/node-backend.js'),
    import('./node-looker.js'),
  ]);
  return { backend: nodeBackend, looker: (root) => new NodeLooker(root) };
}
