/**
 * Reads a path as a consumer does, and the whole tree: kinds, link targets, and contents as hashes.
 */
import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type ByteName, bytesOfName, joinNames, nameOfText } from '../../../src/linux/names.js';
import type { WatchEvent } from '../../../src/watcher/index.js';
import type { Tells } from './settings.js';

export type Kind = WatchEvent['kind'];

export interface Found {
  kind: Kind;
  /** For a file: a hash of its bytes. For a symlink: its target. */
  content: string;
  /** Its inode, to know whose bytes were read. */
  ino: number;
}

/** It went, or changed its kind, while it was read: another event follows. */
const RACES = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EINVAL', 'ENXIO']);

export function look(path: Buffer): Found | undefined {
  try {
    const stat = lstatSync(path);
    if (stat.isDirectory()) return { kind: 'directory', content: '', ino: stat.ino };
    if (stat.isSymbolicLink()) return { kind: 'symlink', content: readlinkSync(path, 'latin1'), ino: stat.ino };
    return readFile(path);
  } catch (error) {
    if (RACES.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function readFile(path: Buffer): Found | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    return { kind: 'file', content: hash('sha1', readFileSync(fd), 'base64'), ino: stat.ino };
  } finally {
    closeSync(fd);
  }
}

/** All entries to be reported, each directory before its content. Nobody changes the tree meanwhile. */
export function treeOf(root: string, tells: Tells): Map<ByteName, Found> {
  const found = new Map<ByteName, Found>();
  const list = (below: ByteName): void => {
    const directory = joinNames(nameOfText(root), below);
    for (const name of readdirSync(bytesOfName(directory), { encoding: 'latin1' }) as ByteName[]) {
      const path = joinNames(below, name);
      const one = look(bytesOfName(joinNames(directory, name)));
      if (one === undefined || !tells(path, one.kind === 'directory')) continue;
      found.set(path, one);
      if (one.kind === 'directory') list(path);
    }
  };
  list('' as ByteName);
  return found;
}
