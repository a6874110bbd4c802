/** Syncs the file of a state that was made under a temporary name, and renames it. */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { nameOfText, openDirectory, renameNoReplace } from '../../linux/index.js';
import { AT_FDCWD } from '../../linux/open.js';

/** Renames within one folder. Errors: LinuxError; EEXIST if the name is taken. */
export function move(from: string, to: string): void {
  const dir = openDirectory(AT_FDCWD, nameOfText(dirname(from)));
  try {
    renameNoReplace(dir, nameOfText(basename(from)), dir, nameOfText(basename(to)));
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
