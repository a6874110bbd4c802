/** The mode of a directory while the mirror works in it. */
import { fchmodSync } from 'node:fs';
import { statFd } from '../../linux/index.js';

export const OWN_ALL = 0o700;

/** Root needs no permission; another user takes all of an owner's for an open directory. */
export function takePermissions(fd: number): void {
  if (process.geteuid?.() === 0) return;
  const { mode } = statFd(fd);
  if ((mode & OWN_ALL) !== OWN_ALL) fchmodSync(fd, mode | OWN_ALL);
}
