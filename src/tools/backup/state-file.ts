/** Syncs the file of a state that was made under a temporary name, and renames it. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { moveOwn } from '../../files/moves.js';
import { nameOfText, openDirectory } from '../../linux/index.js';
import { AT_FDCWD } from '../../linux/open.js';

/** Renames within one folder. Errors: LinuxError; EEXIST if the name is taken. */
export function move(from: string, to: string): void {
  const dir = openDirectory(AT_FDCWD, nameOfText(dirname(from)));
  try {
    moveOwn({ dir, name: nameOfText(basename(from)) }, { dir, name: nameOfText(basename(to)) });
  } finally {
    closeSync(dir);
  }
}

/** Syncs a file, or the names in a folder. */
export function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
