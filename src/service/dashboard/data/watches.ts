/** The watches of the producers, as the kernel counts them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Text } from '../../../linux/index.js';

/** As /proc shows them, proc(5) fdinfo; 0 for a process that cannot be read. */
export const watchesOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + watchesOfOne(pid), 0);

function watchesOfOne(pid: number): number {
  try {
    const isInotify = (fd: Text) => readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith('inotify');
    const infos = readdirSync(`/proc/${pid}/fd`)
      .filter(isInotify)
      .map((fd) => `/proc/${pid}/fdinfo/${fd}`);
    return infos.reduce((sum, info) => sum + readFileSync(info, 'latin1').split('\ninotify wd:').length - 1, 0);
  } catch {
    return 0; // a process of another user, or one that has just ended
  }
}
