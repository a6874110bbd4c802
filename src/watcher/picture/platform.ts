/** What a watcher stands on: the engine's ground, and how a path is looked at. */
import type { Ground } from '../ground/ground.js';
import type { OpenRoot } from '../ground/types.js';
import type { Settings } from '../options/options.js';
import type { Looker } from './seen.js';

export interface Platform {
  ground: Ground;
  looker(root: OpenRoot): Looker;
}

/** The binding of Linux's calls is loaded where it is used, and nowhere else. */
export async function platformOf({ backend }: Pick<Settings, 'backend'>): Promise<Platform> {
  if (backend === 'inotify' || (backend === 'poll' && process.platform === 'linux')) {
    const [{ linuxGround }, { LinuxLooker }] = await Promise.all([
      import('../ground/linux-ground.js'),
      import('./look-linux.js'),
    ]);
    return { ground: linuxGround, looker: (root) => new LinuxLooker(root) };
  }
  const [{ nodeGround }, { NodeLooker }] = await Promise.all([
    import('../ground/node-ground.js'),
    import('./look-node.js'),
  ]);
  return { ground: nodeGround, looker: (root) => new NodeLooker(root) };
}
