/**
 * Lists the directories that a process watches.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** By the inodes in the kernel's information about the process's inotify descriptors. */
export function isWatched(pid: number, directory: string): boolean {
  const inode = statSync(directory).ino.toString(16);
  const infos = `/proc/${pid}/fdinfo`;
  const fds = unlessGone(() => readdirSync(infos)) ?? [];
  return fds.some((fd) => unlessGone(() => readFileSync(`${infos}/${fd}`, 'utf8'))?.includes(`ino:${inode} `));
}

/** The process ends, or closes the descriptor, at any moment. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
