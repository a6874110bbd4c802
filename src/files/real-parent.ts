/** The path of a file by its real directory, as inputs are recorded. The file itself may be gone, or be a symlink. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bytesOfName, nameOfText, textOfBytes } from '../linux/names.js';
import { deadMountCode } from './dead-mount.js';

/**
 * On a filesystem that is dead nothing is touched: the path stays as it is written. `known` has the folders that were
 * asked already: a verb may name thousands of files of one folder.
 */
export async function withRealParent(path: string, known = new Map<string, Promise<string>>()): Promise<string> {
  const folder = dirname(path);
  const real = known.get(folder) ?? realFolder(folder);
  known.set(folder, real);
  return join(await real, basename(path));
}

async function realFolder(folder: string): Promise<string> {
  if ((await deadMountCode(folder, folder)) !== undefined) return folder;
  try {
    // The other one makes text of its argument.
    return textOfBytes(realpathSync.native(bytesOfName(nameOfText(folder)), 'buffer'));
  } catch {
    return folder;
  }
}
