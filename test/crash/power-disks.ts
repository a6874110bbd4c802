/**
 * Disks whose power can be cut: loop images with ext4 or xfs, shut down by the kernel as a crash of the machine would
 * leave them, and mounted again, which replays their journals. Root only.
 * Guarantees: `release` of test/world/mounts.ts takes them away with the directory that they lie in.
 * Does not: tear sectors or reorder writes of the device below: writes that were submitted before the cut are there.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isRoot } from '../world/users.js';
import { until } from '../world/waiting.js';

export type DiskType = 'ext4' | 'xfs';
/** Decides whether the journal reaches the disk at the moment of the cut (`logflush`), or only the part that was there already. */
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

/** `nouuid`: xfs refuses a copy of a disk that somebody still pins. */
export const mountDisk = ({ place, image, type }: Disk): void =>
  run('mount', ['-o', type === 'xfs' ? 'loop,nouuid' : 'loop', image, place]);

/** Cuts all disks at once, as far as one shell can. Processes that wrote to them must be killed before. */
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

/**
 * Mounts the disks after a cut, in this order. A disk that a foreign mount namespace still pins would come back as it was cut,
 * with EIO for everything. In this case the image is copied, and the copy is mounted.
 */
export async function remount(disks: readonly Disk[]): Promise<void> {
  for (const disk of disks)
    await until(`${disk.name} is let go`, () => tryUnmount(disk), { withinMs: 60_000, everyMs: 20 });
  for (const disk of disks) {
    mountDisk(disk);
    if (isWritable(disk)) continue;
    unmountDisk(disk);
    run('cp', ['--sparse=always', disk.image, `${disk.image}.new`]);
    renameSync(`${disk.image}.new`, disk.image);
    mountDisk(disk);
  }
}

function isWritable({ place }: Disk): boolean {
  const probe = join(place, '.probe');
  try {
    writeFileSync(probe, '');
    rmSync(probe);
    return true;
  } catch (error) {
    if (!/^(EIO|EROFS)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

/** False while somebody still has something open there. */
function tryUnmount(disk: Disk): boolean {
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
