/**
 * Brings an open append to its end: writes its bytes, plans it again while file and intent do not fit, confirms it.
 * The process that planned it and a process that finds it after a crash run the same code.
 */
import { closeSync } from 'node:fs';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Directories } from '../../files/directories.js';
import type { ByteName } from '../../linux/index.js';
import {
  type Append,
  confirmAppend,
  type End,
  namesSame,
  openManifest,
  readEnd,
  THIS_APPEND,
  thisAppend,
  writeAppend,
} from './append.js';

/** A file that changes so often while we write has a second writer. */
const ROUNDS_MAX = 50;

/** Errors: those of the system calls. The append then has no owner (`owner` 0), and the next process that comes goes on. */
export async function finishAppend(
  backend: Backend,
  emit: Emit,
  root: Directories,
  path: ByteName,
  planned: Append,
): Promise<void> {
  let append = planned;
  try {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const fd = openManifest(root, path);
      try {
        if (await writeAppend(fd, append, () => namesSame(root, path, append.inode))) {
          await backend.transact((tx) => confirmAppend(tx, append));
          return;
        }
        const end = readEnd(backend, append.file, fd);
        emit('manifest_replanned', { feed: append.feed, file: append.file, from: append.at, to: end.size });
        const replanned = await backend.transact((tx) => replan(tx, append, end));
        if (!replanned) return;
        append = replanned;
      } finally {
        closeSync(fd);
      }
    }
    throw new Error(`the manifest ${append.file} was changed by another writer ${ROUNDS_MAX} times during one append`);
  } catch (error) {
    await backend.transact((tx) =>
      tx.run('UPDATE appends SET owner = 0 WHERE id = ? AND owner = ?', append.id, backend.owner),
    );
    throw error;
  }
}

/**
 * Plans the same lines at the end of the file. Lines that an operator removed are not written again, foreign bytes are not cut.
 * Undefined when this process does not own it any more: another one has written the lines, and must be the only one.
 */
function replan(tx: Tx, append: Append, end: End): Append | undefined {
  const lines = append.bytes[0] === 0x0a ? append.bytes.subarray(1) : append.bytes;
  const bytes = end.torn ? Buffer.concat([Buffer.from('\n'), lines]) : lines;
  const { changes } = tx.run(
    'UPDATE appends SET inode = ?, at = ?, bytes = ? WHERE id = ? AND owner = ?',
    ...[end.inode, end.size, bytes, append.id, append.owner],
  );
  return changes === 0 ? undefined : { ...append, inode: end.inode, at: end.size, bytes };
}

/**
 * Takes an open append over from a dead owner. Returns false when another process was faster. This process's own append needs
 * only to be open still: nobody takes it from a living owner.
 */
export async function takeOver(backend: Backend, append: Append): Promise<boolean> {
  const its = `${THIS_APPEND} AND owner = ?`;
  const params = [...thisAppend(append), append.owner];
  if (append.owner === backend.owner)
    return backend.read((r) => r.get(`SELECT 1 FROM appends WHERE ${its}`, ...params)) !== undefined;
  return backend.transact(
    (tx) => tx.run(`UPDATE appends SET owner = ? WHERE ${its}`, backend.owner, ...params).changes === 1,
  );
}

/** True where this process may go on with an open append. Its own ones are left from a failure: it writes one at a time. */
export const isOrphan = (backend: Backend, append: Append): boolean =>
  append.owner === 0 || append.owner === backend.owner || !backend.isAlive(append.owner);
