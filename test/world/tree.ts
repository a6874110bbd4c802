/**
 * Everything below a directory, with names as bytes and regular files hashed.
 * Does not: open anything that is not a regular file, or follow links.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { type ByteName, bytesOfName, joinNames, nameOfText } from '../../src/linux/names.js';

export interface Found {
  /** Relative to the directory that was listed. */
  path: ByteName;
  kind: 'file' | 'directory' | 'symlink' | 'other';
  /** For a regular file: its SHA-256. For a symlink: its target, as latin1. Otherwise ''. */
  sha256: string;
  size: number;
  dev: bigint;
  ino: bigint;
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
}

/**
 * Everything below `directory`, sorted; an empty list if there is no such directory. An entry that goes, or becomes
 * another kind, while it is read is left out.
 */
export function tree(directory: string): Found[] {
  const found: Found[] = [];
  walk(nameOfText(directory), '' as ByteName, found);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The regular files of `tree`. */
export const files = (directory: string): Found[] => tree(directory).filter((f) => f.kind === 'file');

export function sha256Of(path: Buffer | string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(1 << 18);
    for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) hash.update(chunk.subarray(0, n));
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}

/** Undefined: nothing is at the path, or something else than a moment before. */
export function look(directory: string, path: ByteName): Found | undefined {
  const full = bytesOfName(joinNames(nameOfText(directory), path));
  try {
    const s = lstatSync(full, { bigint: true });
    const kind = s.isFile() ? 'file' : s.isDirectory() ? 'directory' : s.isSymbolicLink() ? 'symlink' : 'other';
    const sha256 = kind === 'file' ? sha256Of(full) : kind === 'symlink' ? readlinkSync(full, 'latin1') : '';
    const { dev, ino, mtimeNs } = s;
    return {
      path,
      kind,
      sha256,
      size: Number(s.size),
      dev,
      ino,
      mtimeNs,
      mode: Number(s.mode),
      uid: Number(s.uid),
      gid: Number(s.gid),
    };
  } catch (error) {
    if (isOther(error)) return undefined;
    throw error;
  }
}

function walk(root: ByteName, below: ByteName, found: Found[]): void {
  for (const entry of list(bytesOfName(joinNames(root, below)))) {
    const path = joinNames(below, entry);
    const one = look(bytesOfName(root).toString('utf8'), path);
    if (one === undefined) continue;
    found.push(one);
    if (one.kind === 'directory') walk(root, path, found);
  }
}

function list(directory: Buffer): ByteName[] {
  try {
    return readdirSync(directory, { encoding: 'latin1' }) as ByteName[];
  } catch (error) {
    if (isOther(error)) return [];
    throw error;
  }
}

/** The entry is no longer what it was a moment before. Each call on it fails in its own way. */
const OTHER = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EINVAL', 'ENXIO']);
const isOther = (error: unknown): boolean => OTHER.has((error as NodeJS.ErrnoException).code ?? '');
