/**
 * Real filesystems for tests: tmpfs, bind mounts, FUSE, ext4 and xfs images. Root only.
 * Guarantees: everything mounted is unmounted in reverse order when `release` is called or this process exits, even
 * after a failed test. A mount that is still busy is detached, so that nothing stays visible.
 * Does not: survive a SIGKILL of the test itself; the mounts are in the temporary directory and visible in
 * /proc/mounts.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { until } from './waiting.js';

const WIDE_PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const mounted: { place: string; image?: string; bind?: boolean; server?: ChildProcess }[] = [];
process.on('exit', () => {
  for (const { place } of [...mounted].reverse()) unmount(place);
});

/** `size` as mount(8) takes it: '1m'. */
export function tmpfsMount(
  place: string,
  { size = '64m', options = [] }: { size?: string; options?: string[] } = {},
): string {
  return mount(place, ['-t', 'tmpfs', '-o', [`size=${size}`, 'mode=0777', ...options].join(','), 'tmpfs']);
}

/** It has modes and owners, and no ACLs. It takes no size. */
export const ramfsMount = (place: string): string => mount(place, ['-t', 'ramfs', '-o', 'mode=0777', 'ramfs']);

export function bindMount(source: string, place: string): string {
  const at = mount(place, ['--bind', source]);
  mounted.at(-1)!.bind = true;
  return at;
}

/** FUSE, which knows no RENAME_NOREPLACE. Undefined where there is no bindfs, or no FUSE. */
export function bindfsMount(source: string, place: string): string | undefined {
  mkdirSync(place, { recursive: true });
  if (spawnSync('bindfs', [source, place], { stdio: 'ignore' }).status !== 0) return undefined;
  mounted.push({ place });
  return place;
}

/**
 * FUSE whose server is a child of this test. While that is stopped, nothing in the mount answers; once it is killed, all answers are
 * ENOTCONN. Undefined where there is no bindfs, or no FUSE.
 */
export async function servedMount(source: string, place: string): Promise<ChildProcess | undefined> {
  mkdirSync(place, { recursive: true });
  const server = spawn('bindfs', ['-f', source, place], { stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('exit', resolve).once('error', resolve));
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  await until('it is mounted', () => hasEnded || readFileSync('/proc/self/mounts', 'utf8').includes(` ${place} `));
  if (hasEnded) return undefined;
  mounted.push({ place, server });
  return server;
}

/** An empty one; its layers are beside it. */
export function overlayMount(place: string): string {
  const layers = ['lower', 'upper', 'work'].map((name) => `${place}.${name}`);
  for (const layer of layers) mkdirSync(layer);
  const [lower, upper, work] = layers;
  return mount(place, ['-t', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, 'overlay']);
}

type FilesystemType = 'ext4' | 'xfs' | 'btrfs';
/** Sparse: xfs refuses to be smaller than 300 MiB, btrfs than 109. */
const MIB: Record<FilesystemType, number> = { ext4: 64, xfs: 320, btrfs: 128 };

/** True if its mkfs is installed. */
export const canMake = (type: FilesystemType): boolean =>
  spawnSync(`mkfs.${type}`, ['-V'], { stdio: 'ignore', env: { ...process.env, PATH: WIDE_PATH } }).error === undefined;

/** `made`: more arguments of its mkfs. */
export function loopMount(
  place: string,
  { type = 'ext4', bytes, made = [] }: { type?: FilesystemType; bytes?: number; made?: string[] } = {},
): string {
  const image = `${place}.img`;
  writeFileSync(image, '');
  truncateSync(image, bytes ?? MIB[type] * 1024 * 1024);
  run(`mkfs.${type}`, ['-q', ...made, image]);
  return mount(place, ['-o', 'loop', image], image);
}

/** A filesystem that takes `A` for `a`. Undefined where there is none that can be made and mounted. */
export function foldingMount(place: string): string | undefined {
  const image = `${place}.img`;
  mkdirSync(place, { recursive: true });
  writeFileSync(image, '');
  truncateSync(image, 64 * 1024 * 1024);
  const tries: [string, string[]][][] = [
    [
      ['mkfs.vfat', [image]],
      ['mount', ['-t', 'vfat', '-o', 'loop', image, place]],
    ],
    [
      ['mkntfs', ['-F', '-Q', '-q', image]],
      ['lowntfs-3g', ['-o', 'ignore_case', image, place]],
    ],
  ];
  const env = { ...process.env, PATH: WIDE_PATH };
  const works = ([command, args]: [string, string[]]) =>
    spawnSync(command, args, { stdio: 'ignore', env }).status === 0;
  if (!tries.some((commands) => commands.every(works))) return undefined;
  mounted.push({ place, image });
  return place;
}

/** An image that was made before; it stays when this is unmounted. */
export function imageMount(place: string, image: string): string {
  return mount(place, ['-o', 'loop', image]);
}

/**
 * Only mounts of this helper. For a bind mount, only the mount: without `bind` the whole filesystem below would change.
 */
export function remount(place: string, how: 'ro' | 'rw'): void {
  const ours = mounted.findLast((m) => m.place === place);
  if (!ours) throw new Error(`${place} was not mounted by this test`);
  run('mount', ['-o', `remount,${ours.bind ? 'bind,' : ''}${how}`, place]);
}

/** Unmounts; returns whether it was one of ours. `busy: 'fails'`: throws if somebody has something open in it. */
export function unmount(place: string, { busy = 'detaches' }: { busy?: 'detaches' | 'fails' } = {}): boolean {
  const at = mounted.findLastIndex((m) => m.place === place);
  if (at < 0) return false;
  const { image, server } = mounted[at]!;
  server?.kill('SIGKILL');
  try {
    run('umount', [place]);
  } catch (error) {
    if (busy === 'fails') throw error;
    run('umount', ['-l', place]);
  }
  mounted.splice(at, 1);
  if (image !== undefined) rmSync(image, { force: true });
  return true;
}

/** Everything mounted at or below a directory of a test, by us or by a script that was killed. */
export function release(below: string): void {
  const isBelow = (place: string) => place === below || place.startsWith(`${below}/`);
  for (const { place } of [...mounted].reverse()) if (isBelow(place)) unmount(place);
  // proc(5): blanks, tabs, newlines and backslashes in a path are octal there.
  const plain = (path: string) =>
    path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  const places = readFileSync('/proc/self/mounts', 'latin1')
    .split('\n')
    .map((line) => plain(line.split(' ')[1] ?? ''));
  for (const place of places.reverse()) if (isBelow(place)) run('umount', ['-l', place]);
}

function mount(place: string, how: string[], image?: string): string {
  mkdirSync(place, { recursive: true });
  run('mount', [...how, place]);
  mounted.push(image === undefined ? { place } : { place, image });
  return place;
}

function run(command: string, args: string[]): void {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: WIDE_PATH } });
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    throw new Error(`${command} ${args.join(' ')}: ${stderr?.toString().trim() || (error as Error).message}`);
  }
}
