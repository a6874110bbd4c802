/**
 * The operations of a script, as its lines name them. Paths are below the scene's root; contents are one word.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { ByteName } from '../../../src/linux/names.js';
import { until } from '../../world/waiting.js';

export interface Ground {
  /** The path for a name of the script. */
  at(name: string): Buffer;
  readonly held: Map<string, number>;
  readonly servers: Map<string, Server>;
}

/** More than a tick of the kernel's clock, even with 100 ticks a second, and more than watchers assume. */
const TICK_MS = 70;

type Act = (ground: Ground, ...words: string[]) => unknown;

export const ACTS: Record<string, Act> = {
  /** Directories in the name are made. */
  write({ at }, path, content = '') {
    fs.mkdirSync(folderOf(at(path!)), { recursive: true });
    fs.writeFileSync(at(path!), content);
  },
  append: ({ at }, path, content = '') => fs.appendFileSync(at(path!), content),
  /** This many writes, one after the other. */
  rewrite({ at }, path, times) {
    for (let n = 1; n <= Number(times); n++) fs.writeFileSync(at(path!), `${n}`);
  },
  /** This many files in a directory. */
  many({ at }, directory, count) {
    for (let n = 0; n < Number(count); n++) fs.writeFileSync(at(`${directory}/${n}`), `${n}`);
  },
  truncate: ({ at }, path, size) => fs.truncateSync(at(path!), Number(size)),
  mkdir: ({ at }, path) => void fs.mkdirSync(at(path!), { recursive: true }),
  rm: ({ at }, path) => fs.rmSync(at(path!)),
  'rm-r': ({ at }, path) => fs.rmSync(at(path!), { recursive: true }),
  mv: ({ at }, from, to) => fs.renameSync(at(from!), at(to!)),
  link: ({ at }, from, to) => fs.linkSync(at(from!), at(to!)),
  symlink: ({ at }, target, path) => fs.symlinkSync(target!, at(path!)),
  fifo: ({ at }, path) => void execFileSync('mkfifo', [at(path!).toString()]),
  /** It exists until the end of the script. */
  async socket({ at, servers }, path) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at(path!).toString(), resolve));
    servers.set(path!, server);
  },
  chmod: ({ at }, mode, path) => fs.chmodSync(at(path!), Number.parseInt(mode!, 8)),
  touch: ({ at }, path) => fs.utimesSync(at(path!), 1_000_000_000, 1_000_000_000),
  /** Waits until the last change is old enough that another change gets other times. */
  older: ({ at }, path) => until(`${path} is older`, () => Date.now() - fs.lstatSync(at(path!)).ctimeMs > TICK_MS),
  read: ({ at }, path) => void fs.readFileSync(at(path!)),
  /** Opens it for writing, and keeps it open. */
  hold: ({ at, held }, path) => void held.set(path!, fs.openSync(at(path!), 'a')),
  'hold-write': ({ held }, path, content) => void fs.writeSync(held.get(path!)!, content!),
  'hold-truncate': ({ held }, path, size) => fs.ftruncateSync(held.get(path!)!, Number(size)),
  release({ held }, path) {
    fs.closeSync(held.get(path!)!);
    held.delete(path!);
  },
};

/** Reads a path as a reader would: its kind, and its content or target. */
export function content(path: Buffer, kind: string): string | undefined {
  try {
    if (kind === 'file') return fs.readFileSync(path, 'latin1');
    return kind === 'symlink' ? fs.readlinkSync(path, 'latin1') : '';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EINVAL', 'EACCES'].includes((error as NodeJS.ErrnoException).code!))
      return undefined;
    throw error;
  }
}

/** Nothing is below a symlink: a watcher does not follow it. */
export function isThere(path: Buffer, root: string): boolean {
  const folder = folderOf(path);
  if (folder.length > root.length && !fs.lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
  if (folder.length > root.length && !isThere(folder, root)) return false;
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

const folderOf = (path: Buffer): Buffer => path.subarray(0, path.lastIndexOf('/'));

export const shown = (path: ByteName): string =>
  path.replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
