/** The inotify instances of a process and their watches, as the kernel counts them. Source: proc_pid_fdinfo(5). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { unlessRefused } from '../../files/place-error.js';

/** None for a process of another user, or one that has just ended. */
export function inotifyOf(pids: readonly (number | string)[]): { instances: number; watches: number } {
  const used = { instances: 0, watches: 0 };
  for (const pid of pids)
    for (const fd of unlessRefused(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
      if (unlessRefused(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) !== 'anon_inode:inotify') continue;
      const info = unlessRefused(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')) ?? '';
      used.instances++;
      used.watches += info.split('inotify wd:').length - 1;
    }
  return used;
}
