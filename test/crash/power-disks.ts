/**
 * Disks whose power can be cut: loop images with ext4 or xfs, shut down by the kernel as a crash of the machine would
 * leave them, and mounted again, which replays their journals. Root only.
 * Guarantees: `release` of test/world/mounts.ts takes them away with the directory that they lie in.
 * Does not: tear sectors or reorder writes of the device below: what was submitted before the cut is there.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRoot } from '../world/users.js';

export type DiskType = 'ext4' | 'xfs';
/** Whether the journal reaches the disk in the moment of the cut (`logflush`), or only what was there already. */
export type CutKind = 'nologflush' | 'logflush';

export interface Disk {
  name: string;
  place: string;
  image: string;
  type: DiskType;
}

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const MIB = 1024 * 1024;

/** A sentence, when power cannot be cut here. */
export function whyNoPowerCuts(): string | undefined {
  if (!isRoot) return 'not run as root: power cuts were not tested';
  const missing = ['xfs_io', 'mkfs.ext4', 'mkfs.xfs'].filter(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env: { ...process.env, PATH } }).status !== 0,
  );
  return missing.length > 0 ? `${missing.join(', ')} not found: power cuts were not tested` : undefined;
}

export function makeDisk(name: string, place: string, type: DiskType): Disk {
  const image = `${place}.img`;
  mkdirSync(place, { recursive: true });
  writeFileSync(image, '');
  truncateSync(image, (type === 'xfs' ? 320 : 192) * MIB);
  run(`mkfs.${type}`, ['-q', image]);
  const disk = { name, place, image, type };
  mountDisk(disk);
  return disk;
}

export const mountDisk = ({ place, image }: Disk): void => run('mount', ['-o', 'loop', image, place]);

/** All at once, as far as one shell can; whoever wrote to them must have been killed before. */
export function cutPower(disks: readonly Disk[], kinds: readonly CutKind[]): void {
  const cuts = disks.map(
    ({ place }, i) => `xfs_io -x -c 'shutdown${kinds[i] === 'logflush' ? ' -f' : ''}' '${place}' &`,
  );
  run('sh', ['-c', `${cuts.join('\n')}\nwait`]);
}

/** Fails while somebody still has something open there. */
export const unmountDisk = ({ place }: Disk): void => run('umount', [place]);

function run(command: string, args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH } });
}

/** False while somebody still has something open there. */
export function tryUnmount(disk: Disk): boolean {
  try {
    unmountDisk(disk);
    return true;
  } catch {
    return false;
  }
}

/** The operator's own directories were there long before. */
export function makeSynced(path: string): void {
  mkdirSync(path, { recursive: true });
  for (const one of [path, dirname(path)]) {
    const fd = openSync(one, 'r');
    fsyncSync(fd);
    closeSync(fd);
  }
}
