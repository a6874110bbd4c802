/**
 * Lists the directories that a process watches.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** By the inodes in the kernel's information about the process's inotify descriptors. */
export function isWatched(pid: number, directory: string): boolean {
  const inode = statSync(directory).ino.toString(16);
  const infos = `/proc/${pid}/fdinfo`;
  return readdirSync(infos).some((fd) => infoOf(`${infos}/${fd}`).includes(`ino:${inode} `));
}

function infoOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''; // closed meanwhile
    throw error;
  }
}
