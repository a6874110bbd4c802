/**
 * Finds mounts below an input: files of another mount can only be sealed inside that mount.
 */
import { readFileSync } from 'node:fs';
import { statFd } from '../linux/index.js';
import { type ByteName, nameOfText } from '../linux/names.js';
import type { Directories } from './directories.js';
import { folderOf } from './job-paths.js';

export function sameMount(a: number, b: number): boolean {
  const [x, y] = [statFd(a), statFd(b)];
  return x.mountId !== undefined ? x.mountId === y.mountId : x.dev === y.dev;
}

/**
 * The topmost directory, relative to the root of `directories`, of the mount that contains `path`. '' is the root's own
 * mount.
 */
export function mountOf(directories: Directories, path: ByteName): ByteName {
  const mountId = (at: ByteName): bigint => {
    const stat = statFd(directories.directory(at));
    return stat.mountId ?? BigInt(stat.dev);
  };
  let at = folderOf(path);
  const mine = mountId(at);
  while (at !== '' && mountId(folderOf(at)) === mine) at = folderOf(at);
  return at;
}

export interface Mount {
  /** `MAJOR:MINOR` of the filesystem. */
  device: string;
  /** The directory of the filesystem that is mounted here; '' is its root. */
  root: ByteName;
  /** The mount point; '' is /. */
  at: ByteName;
}

/**
 * All mounts as this process sees them. If several have the same mount point, the last one is on top. Source:
 * proc_pid_mountinfo(5).
 */
export function allMounts(): Mount[] {
  const plain = (path = '') =>
    path
      .replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))
      .replace(/^\/$/, '') as ByteName;
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))
    .map(([, , device = '', root, at]) => ({ device, root: plain(root), at: plain(at) }));
}

/** The mount points below a directory, relative to it. */
export function mountsBelow(directory: string): ByteName[] {
  const prefix = `${nameOfText(directory)}/`;
  const points = new Set(allMounts().map(({ at }) => at));
  return [...points].filter((at) => at.startsWith(prefix)).map((at) => at.slice(prefix.length) as ByteName);
}
