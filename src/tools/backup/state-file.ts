/** Syncs the file of a state that was made under a temporary name, and renames it. */
import { fsyncSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { moveOwn } from '../../files/moves.js';
import { nameOfText, openDirectory, withFd } from '../../linux/index.js';
import { AT_FDCWD } from '../../linux/open.js';

/** Renames within one folder. Errors: LinuxError; EEXIST if the name is taken. */
export function move(from: string, to: string): void {
  withFd(openDirectory(AT_FDCWD, nameOfText(dirname(from))), (dir) =>
    moveOwn({ dir, name: nameOfText(basename(from)) }, { dir, name: nameOfText(basename(to)) }),
  );
}

/** Syncs a file, or the names in a folder. */
export function sync(path: string): void {
  withFd(openSync(path, 'r'), fsyncSync);
}
