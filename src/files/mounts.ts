/**
 * Finds mounts and subvolumes below an input: their files can only be sealed inside them.
 */
import { readFileSync } from 'node:fs';
import {
  AT_FDCWD,
  type ByteName,
  closeFd,
  DirectoryListing,
  fsKindOf,
  joinNames,
  KINDS_OF_TYPES,
  LinuxError,
  nameOfText,
  O,
  openAt,
  openDirectory,
  type Stat,
  shownName,
  statAtOrNone,
  statFd,
} from '../linux/index.js';
import type { Directories, Entry } from './directories.js';
import { folderOf } from './job-paths.js';
import { unlessRefused } from './place-error.js';

/**
 * True for two directories between which files can be renamed. A subvolume of btrfs is no mount: it has the mount of its
 * parent and a device number of its own. Two bind mounts of one filesystem have one device number.
 */
export const sameMount = (a: number, b: number): boolean => boundaryOf(statFd(a)) === boundaryOf(statFd(b));

/** Equal texts are equal places. */
export const boundaryOf = ({ mounted, dev }: Stat): string => `${mounted}:${dev}`;

/** True where the folder of an entry is the root of a mount. */
export const isInMountRoot = ({ dir }: Pick<Entry, 'dir'>): boolean => statFd(dir).isMountRoot;

/**
 * The topmost directory, relative to the root of `directories`, of the mount or subvolume that contains `path`. '' is
 * that of the root itself.
 */
export function mountOf(directories: Directories, path: ByteName): ByteName {
  const boundary = (at: ByteName): string => boundaryOf(statFd(directories.directory(at)));
  let at = folderOf(path);
  const mine = boundary(at);
  while (at !== '' && boundary(folderOf(at)) === mine) at = folderOf(at);
  return at;
}

/** The directories below one from which files cannot be renamed into it: mounts, and subvolumes of btrfs. */
export function boundariesBelow(directory: string): ByteName[] {
  const mounts = mountsBelow(directory);
  const hasSubvolumes = ['', ...mounts].some((at) => isBtrfs(joinNames(nameOfText(directory), at as ByteName)));
  return hasSubvolumes ? [...new Set([...mounts, ...subvolumesBelow(directory)])] : mounts;
}

function isBtrfs(path: ByteName): boolean {
  try {
    return fsKindOf(path).name === 'btrfs';
  } catch {
    return false; // a mount that this user may not enter, or that hangs on nothing
  }
}

/** No table of the system lists subvolumes for ordinary users, so all directories are read. Hidden ones have no files of ours. */
function subvolumesBelow(directory: string): ByteName[] {
  const found: ByteName[] = [];
  const root = openAt(AT_FDCWD, nameOfText(directory), O.RDONLY | O.DIRECTORY, { resolve: 'any' });
  const pending = ['' as ByteName];
  try {
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) pending.push(...foldersIn(root, at, found));
    return found;
  } finally {
    closeFd(root);
  }
}

function foldersIn(root: number, at: ByteName, found: ByteName[]): ByteName[] {
  let fd: number;
  try {
    fd = openDirectory(root, at === '' ? ('.' as ByteName) : at);
  } catch (error) {
    if (error instanceof LinuxError) return []; // gone, or not for this user: then nothing of ours lies there
    throw error;
  }
  try {
    const { dev } = statFd(fd);
    const folders: ByteName[] = [];
    const listing = new DirectoryListing(fd, KINDS_OF_TYPES);
    for (let one = listing.next(); one !== undefined; one = listing.next()) {
      // There may be a million files.
      if (one.name.startsWith('.') || (one.kind !== undefined && one.kind !== 'directory')) continue;
      const stat = unlessRefused(() => statAtOrNone(fd, one!.name));
      if (stat?.kind !== 'directory') continue;
      folders.push(joinNames(at, one.name));
      if (stat.dev !== dev) found.push(joinNames(at, one.name));
    }
    listing.close();
    return folders;
  } finally {
    closeFd(fd);
  }
}

export interface Mount {
  id: string;
  /** `MAJOR:MINOR` of the filesystem. */
  device: string;
  /** The directory of the filesystem that is mounted here; '' is its root. */
  root: ByteName;
  /** The mount point; '' is /. */
  at: ByteName;
  /** For example `ext4` or `fuse.sshfs`. */
  type: string;
  /** The mounted thing as the filesystem names it: a device, `HOST:PATH`. */
  source: ByteName;
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
    .map(([id = '', , device = '', root, at, ...rest]) => {
      // Before the type are fields of no fixed number, ended by a dash.
      const [type = '', source] = rest.slice(rest.indexOf('-') + 1);
      return { id, device, root: plain(root), at: plain(at), type, source: plain(source) };
    });
}

/** The type and the source of the filesystem of an open directory, for a sentence. */
export function filesystemOf(fd: number): string {
  const id = String(statFd(fd).mountId);
  const mount = allMounts().find((one) => one.id === id);
  return mount ? `${mount.type}, ${shownName(mount.source)}` : fsKindOf(fd).name;
}

const NO_MOUNT = { id: '', type: '', at: '' };

/**
 * Equal texts: one mount, for paths without symlinks. What an automounter has not mounted yet may be anywhere. '' where this process
 * does not see the mount, as in a chroot.
 */
export function mountAbove(path: string, mounts: readonly Mount[]): string {
  const name = nameOfText(path);
  const above = mounts.filter(({ at }) => name === at || name.startsWith(`${at}/`));
  const { id, type } = above.reduce((top, one) => (one.at.length >= top.at.length ? one : top), NO_MOUNT);
  return type === 'autofs' ? `${id}:${path}` : id;
}

/** The mount points below a directory, relative to it. */
export function mountsBelow(directory: string, mounts: readonly Mount[] = allMounts()): ByteName[] {
  const prefix = `${nameOfText(directory)}/`;
  const points = new Set(mounts.map(({ at }) => at));
  return [...points].filter((at) => at.startsWith(prefix)).map((at) => at.slice(prefix.length) as ByteName);
}
