/** The path of a file by its real directory, as inputs are recorded. The file itself may be gone, or be a symlink. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bytesOfName, nameOfText, textOfBytes } from '../linux/names.js';

export function withRealParent(path: string): string {
  try {
    // The other one makes text of its argument.
    const parent = realpathSync.native(bytesOfName(nameOfText(dirname(path))), 'buffer');
    return join(textOfBytes(parent), basename(path));
  } catch {
    return path;
  }
}
