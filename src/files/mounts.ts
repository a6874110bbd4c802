/** Where another mount begins below an input: its files can only be sealed inside it. */
import { readFileSync } from 'node:fs';
import { statFd } from '../linux/index.js';
import { type ByteName, nameOfText } from '../linux/names.js';
import type { Directories } from './directories.js';
import { folderOf } from './places.js';

export function sameMount(a: number, b: number): boolean {
  const [x, y] = [statFd(a), statFd(b)];
  return x.mountId !== undefined ? x.mountId === y.mountId : x.dev === y.dev;
}

/** The uppermost directory, relative to the root of `directories`, of the mount that `path` lies in; '' = the root's own. */
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

/** The mounts below a directory as this process sees them, relative to it. Source: proc_pid_mountinfo(5). */
export function mountsBelow(directory: string): ByteName[] {
  const prefix = `${nameOfText(directory)}/`;
  const points = readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
    );
  return [...new Set(points)].filter((at) => at.startsWith(prefix)).map((at) => at.slice(prefix.length) as ByteName);
}
