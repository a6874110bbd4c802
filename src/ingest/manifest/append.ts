/**
 * The append with an intent: what is to be written, and where, is committed before the first byte (table `appends`), and
 * confirmed after the last one is on disk.
 * Guarantees: whoever finds an intent whose owner is gone writes the same bytes to the same place: redo, never cut, so
 * that a reader who tails the file never sees a line change. One open intent a file.
 * Does not: overwrite foreign bytes. Where file and intent do not fit any more (rotated, edited, lines behind the end), it
 * is planned anew at the end of what is there.
 */
import { fdatasync, fsyncSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { Directories } from '../../files/directories.js';
import { folderOf } from '../../files/places.js';
import {
  type ByteName,
  fallocateKeepSize,
  LinuxError,
  nameOfText,
  O,
  openAt,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';

const fdatasyncAsync = promisify(fdatasync);

export interface Append {
  id: number;
  feed: string;
  /** Absolute, for people and for `UNIQUE`. */
  file: string;
  inode: number;
  at: number;
  bytes: Buffer;
  items: string;
  owner: number;
}

export interface Items {
  rows: number[];
  jobs: string[];
}

/** Where the end of a manifest file is, as it lies there now. */
export interface End {
  inode: number;
  size: number;
  /** The last line has no newline. */
  torn: boolean;
  /** Committed end at the time of looking; undefined for a file that is new to us. */
  known: number | undefined;
}

export const APPEND_COLUMNS = 'id, feed, file, inode, at, bytes, items, owner';

/**
 * Opens a manifest file below its root for reading and writing, made (with its directories, durably) where missing.
 * Errors: LinuxError; EAGAIN where somebody has a lease on it: waiting for that here would stop all else for 45 s.
 */
export function openManifest(root: Directories, path: ByteName): number {
  const dir = root.make(folderOf(path));
  const name = path.slice(path.lastIndexOf('/') + 1) as ByteName;
  const fd = openOrMake(dir, name);
  // Whoever made the file and its directories may have died before they were synced.
  if (statFd(fd).size === 0) syncUpwards(root, folderOf(path));
  return fd;
}

function openOrMake(dir: number, name: ByteName): number {
  try {
    return openAt(dir, name, O.RDWR | O.NOFOLLOW | O.NONBLOCK, { resolve: 'beneath' });
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
  }
  return openAt(dir, name, O.RDWR | O.CREAT | O.NOFOLLOW | O.NONBLOCK, { mode: 0o644, resolve: 'beneath' });
}

function syncUpwards(root: Directories, folder: ByteName): void {
  for (let at = folder; ; at = folderOf(at)) {
    fsyncSync(root.directory(at));
    if (at === '') return;
  }
}

/** Looks at the end of the file. The known end is read first: if it has changed by the planning transaction, look again. */
export function lookAtEnd(backend: Backend, file: string, fd: number): End {
  const known = backend.read((r) =>
    r.get<{ inode: number; end_at: number }>('SELECT inode, end_at FROM manifest_ends WHERE file = ?', file),
  );
  const stat = statFd(fd);
  const last = Buffer.alloc(1);
  const torn = stat.size > 0 && readSync(fd, last, 0, 1, stat.size - 1) === 1 && last[0] !== 0x0a;
  const inode = Number(stat.ino);
  return { inode, size: stat.size, torn, known: known?.inode === inode ? known.end_at : undefined };
}

export type Planned = { append: Append } | { busy: Append } | { stale: true };

/** Opens an append without lines at the end that was looked at, unless that is no longer the end. */
export function planAppend(tx: Tx, feed: string, file: string, end: End, owner: number): Planned {
  const open = tx.get<Append>(`SELECT ${APPEND_COLUMNS} FROM appends WHERE file = ?`, file);
  if (open) return { busy: open };
  const known = tx.get<{ inode: number; end_at: number }>(
    'SELECT inode, end_at FROM manifest_ends WHERE file = ?',
    file,
  );
  if ((known?.inode === end.inode ? known.end_at : undefined) !== end.known) return { stale: true };
  const bytes = Buffer.from(end.torn ? '\n' : '');
  const items = '{"rows":[],"jobs":[]}';
  const { lastInsertRowid } = tx.run(
    'INSERT INTO appends (feed, file, inode, at, bytes, items, owner) VALUES (?, ?, ?, ?, ?, ?, ?)',
    feed,
    file,
    end.inode,
    end.size,
    bytes,
    items,
    owner,
  );
  return { append: { id: Number(lastInsertRowid), feed, file, inode: end.inode, at: end.size, bytes, items, owner } };
}

/** Puts the lines into an append that was planned, in the same transaction; without lines there is none. */
export function fillAppend(
  tx: Tx,
  append: Append,
  { lines, items }: { lines: string; items: Items },
): Append | undefined {
  if (lines === '') {
    tx.run('DELETE FROM appends WHERE id = ?', append.id);
    return undefined;
  }
  const filled = {
    ...append,
    bytes: Buffer.concat([append.bytes, Buffer.from(lines)]),
    items: JSON.stringify(items),
  };
  tx.run('UPDATE appends SET bytes = ?, items = ? WHERE id = ?', filled.bytes, filled.items, append.id);
  return filled;
}

/**
 * Writes an intent's bytes and makes them durable. Answers false where file and intent do not fit.
 * Errors: as the calls give them; ENOSPC comes from fallocate, before half a line is visible.
 */
export async function writeAppend(fd: number, append: Append, stillThere: () => boolean): Promise<boolean> {
  const stat = statFd(fd);
  if (Number(stat.ino) !== append.inode || !stillThere() || stat.size < append.at) return false;
  const behind = Buffer.alloc(Math.min(stat.size - append.at, append.bytes.length));
  readFully(fd, behind, append.at);
  const whole = stat.size - append.at > append.bytes.length;
  if (!beginsLike(behind, append.bytes, whole)) return false;

  if (!whole) {
    fallocateKeepSize(fd, append.at, append.bytes.length);
    // At the offset, never O_APPEND: Linux would ignore the offset then.
    for (let done = 0; done < append.bytes.length; ) {
      done += writeSync(fd, append.bytes, done, append.bytes.length - done, append.at + done);
    }
  }
  await fdatasyncAsync(fd);
  return stillThere();
}

/**
 * What lies there is a beginning of our bytes. A power cut leaves NULs where data did not reach the disk (ours hold none);
 * with foreign bytes behind (`exactly`) ours must be there as they are.
 */
function beginsLike(there: Buffer, ours: Buffer, exactly: boolean): boolean {
  for (let i = 0; i < there.length; i++) {
    if (there[i] !== ours[i] && (exactly || there[i] !== 0)) return false;
  }
  return true;
}

function readFully(fd: number, into: Buffer, at: number): void {
  for (let done = 0; done < into.length; ) {
    const n = readSync(fd, into, done, into.length - done, at + done);
    if (n === 0) return;
    done += n;
  }
}

/** The very append that was read, at the very place: one that was planned anew since is another. */
export const THIS_APPEND = 'id = ? AND file = ? AND inode = ? AND at = ?';
export const thisAppend = ({ id, file, inode, at }: Append) => [id, file, inode, at] as const;

/** Inside the confirming transaction. */
export function confirmAppend(tx: Tx, append: Append): void {
  // Confirmed by somebody else meanwhile, who wrote the same bytes: the end may have moved on since.
  if (tx.run(`DELETE FROM appends WHERE ${THIS_APPEND}`, ...thisAppend(append)).changes === 0) return;
  tx.run(
    `INSERT INTO manifest_ends (file, feed, inode, end_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (file) DO UPDATE SET inode = excluded.inode, end_at = excluded.end_at`,
    append.file,
    append.feed,
    append.inode,
    append.at + append.bytes.length,
  );
  tx.run(
    `UPDATE contents SET state = 'manifested', updated_at_ms = ?
     WHERE state = 'carried' AND row IN (SELECT value FROM json_each(?, '$.rows'))`,
    tx.wallMs,
    append.items,
  );
  tx.run("DELETE FROM corrections WHERE job IN (SELECT value FROM json_each(?, '$.jobs'))", append.items);
}

/** The path still names the file that is open. */
export const namesSame = (root: Directories, path: ByteName, inode: number): boolean => {
  const stat = statAtOrNone(root.directory(folderOf(path)), path.slice(path.lastIndexOf('/') + 1) as ByteName);
  return stat !== undefined && Number(stat.ino) === inode;
};

export const manifestPath = (hour: string): ByteName => nameOfText(`${hour}/manifest.jsonl`);
export const correctionsPath = (hour: string): ByteName => nameOfText(`${hour}/corrections.jsonl`);
