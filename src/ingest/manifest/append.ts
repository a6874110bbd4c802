/**
 * The append with an intent: file, offset and bytes are committed (table `appends`) before the first byte is written, and
 * confirmed after the last one is on disk.
 * Guarantees: a process that finds an intent of a dead owner writes the same bytes to the same offset. It never cuts, so a
 * reader who tails the file never sees a line change. A file has at most one open intent.
 * Does not: overwrite foreign bytes. Where file and intent do not fit any more (rotated, edited, lines after the known end),
 * the append is planned again at the end of the file.
 */
import { fdatasync, fsyncSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { Directories } from '../../files/directories.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { unlessMissing } from '../../files/place-error.js';
import { type ByteName, fallocateKeepSize, nameOfText, O, openAt, statAtOrNone, statFd } from '../../linux/index.js';

const fdatasyncAsync = promisify(fdatasync);

export interface Append {
  id: number;
  feed: string;
  /** Absolute: for messages and for `UNIQUE`. */
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

/** The end of a manifest file, as it is on disk. */
export interface End {
  inode: number;
  size: number;
  /** The last line has no newline. */
  torn: boolean;
  /** The committed end when the file was checked; undefined for a file that is new to us. */
  known: number | undefined;
}

export const APPEND_COLUMNS = 'id, feed, file, inode, at, bytes, items, owner';

/**
 * Opens a manifest file below its root for reading and writing. A missing file is made, with its directories, durably.
 * Errors: LinuxError. EAGAIN where somebody has a lease on it: to wait for that here would stop everything for 45 s.
 */
export function openManifest(root: Directories, path: ByteName): number {
  const dir = root.make(folderOf(path));
  const fd = openOrMake(dir, baseOf(path));
  // The process that made the file and its directories may have died before it synced them.
  if (statFd(fd).size === 0) syncUpwards(root, folderOf(path));
  return fd;
}

function openOrMake(dir: number, name: ByteName): number {
  const flags = O.RDWR | O.NOFOLLOW | O.NONBLOCK;
  return (
    unlessMissing(() => openAt(dir, name, flags, { resolve: 'beneath' })) ??
    openAt(dir, name, flags | O.CREAT, { mode: 0o644, resolve: 'beneath' })
  );
}

function syncUpwards(root: Directories, folder: ByteName): void {
  for (let at = folder; ; at = folderOf(at)) {
    fsyncSync(root.directory(at));
    if (at === '') return;
  }
}

/** Reads the end of the file. The known end is read first: if it has changed by the planning transaction, the caller checks again. */
export function readEnd(backend: Backend, file: string, fd: number): End {
  const known = backend.read((r) =>
    r.get<{ inode: number; end_at: number }>('SELECT inode, end_at FROM manifest_ends WHERE file = ?', file),
  );
  const stat = statFd(fd);
  const last = Buffer.alloc(1);
  const torn = stat.size > 0 && readSync(fd, last, 0, 1, stat.size - 1) === 1 && last[0] !== 0x0a;
  const inode = Number(stat.ino);
  return { inode, size: stat.size, torn, known: known?.inode === inode ? known.end_at : undefined };
}

/** `undefined`: there is nothing to write after all. */
export type Lines = { lines: string; items: Items } | undefined;

export type Planned = { append: Append } | { busy: Append } | 'stale' | 'nothing';

/** Opens an append of what `plan` returns at the end that was checked, unless that is no longer the end. */
export function planAppend(
  tx: Tx,
  { feed, file, owner }: Pick<Append, 'feed' | 'file' | 'owner'>,
  { inode, size: at, torn, known: checked }: End,
  plan: (tx: Tx) => Lines,
): Planned {
  const open = tx.get<Append>(`SELECT ${APPEND_COLUMNS} FROM appends WHERE file = ?`, file);
  if (open) return { busy: open };
  const known = tx.get<{ inode: number; end_at: number }>(
    'SELECT inode, end_at FROM manifest_ends WHERE file = ?',
    file,
  );
  if ((known?.inode === inode ? known.end_at : undefined) !== checked) return 'stale';
  const planned = plan(tx);
  if (!planned || planned.lines === '') return 'nothing';
  const bytes = Buffer.from(`${torn ? '\n' : ''}${planned.lines}`);
  const items = JSON.stringify(planned.items);
  const { lastInsertRowid } = tx.run(
    'INSERT INTO appends (feed, file, inode, at, bytes, items, owner) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ...[feed, file, inode, at, bytes, items, owner],
  );
  return { append: { id: Number(lastInsertRowid), feed, file, inode, at, bytes, items, owner } };
}

/**
 * Writes an intent's bytes and makes them durable. Returns false where file and intent do not fit.
 * Errors: those of the system calls. ENOSPC comes from fallocate, before half a line is visible.
 */
export async function writeAppend(fd: number, append: Append, stillThere: () => boolean): Promise<boolean> {
  const stat = statFd(fd);
  if (Number(stat.ino) !== append.inode || !stillThere() || stat.size < append.at) return false;
  const there = Buffer.alloc(Math.min(stat.size - append.at, append.bytes.length));
  readFully(fd, there, append.at);
  const hasMore = stat.size - append.at > append.bytes.length;
  if (!beginsLike(there, append.bytes, hasMore)) return false;

  if (!hasMore) {
    fallocateKeepSize(fd, append.at, append.bytes.length);
    // At the offset, never O_APPEND: Linux would ignore the offset then.
    for (let done = 0; done < append.bytes.length; ) {
      done += writeSync(fd, append.bytes, done, append.bytes.length - done, append.at + done);
    }
  }
  // Asked before the sync, which may take seconds: a later rename takes whole lines along.
  const isThere = stillThere();
  await fdatasyncAsync(fd);
  return isThere;
}

/**
 * The bytes on disk are a beginning of ours. A power cut leaves NULs where data did not reach the disk (ours have none).
 * If more bytes follow (`hasMore`), ours must be there in full.
 */
function beginsLike(there: Buffer, ours: Buffer, hasMore: boolean): boolean {
  for (let i = 0; i < there.length; i++) {
    if (there[i] !== ours[i] && (hasMore || there[i] !== 0)) return false;
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

/** Matches the append that was read, at the same offset. One that was planned again since is another. */
export const THIS_APPEND = 'id = ? AND file = ? AND inode = ? AND at = ?';
export const thisAppend = ({ id, file, inode, at }: Append) => [id, file, inode, at] as const;

/** Runs inside the confirming transaction. */
export function confirmAppend(tx: Tx, append: Append): void {
  // Another process confirmed it meanwhile, and wrote the same bytes. The end may have moved since.
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

/** True where the path still names the open file. */
export const namesSame = (root: Directories, path: ByteName, inode: number): boolean => {
  const stat = statAtOrNone(root.directory(folderOf(path)), baseOf(path));
  return stat !== undefined && Number(stat.ino) === inode;
};

export const manifestPath = (hour: string): ByteName => nameOfText(`${hour}/manifest.jsonl`);
export const correctionsPath = (hour: string): ByteName => nameOfText(`${hour}/corrections.jsonl`);
