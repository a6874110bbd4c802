/** Where another mount begins below an input: its files can only be sealed inside it. */
import { statFd } from '../linux/index.js';
import type { ByteName } from '../linux/names.js';
import type { Directories } from './directories.js';
import { folderOf } from './places.js';

/** The uppermost directory, relative to the root of `directories`, of the mount that `path` lies in; '' = the root's own. */
export function mountOf(directories: Directories, path: ByteName): ByteName {
  const mountId = (at: ByteName): bigint => {
    const stat = statFd(directories.directory(at));
    return stat.mountId ?? BigInt(stat.dev);
  };
  let at = folderOf(path);
  const mine = mountId(at);
  while (at !== '' && mountId(folderOf(at)) === mine) at = folderOf(at);
  return at;
}
