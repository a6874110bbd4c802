/**
 * Brings an open append to its end: writes its bytes, plans it anew while file and intent do not fit, confirms it.
 * The same code runs for the process that planned it and for whoever finds it after a crash.
 */
import { closeSync } from 'node:fs';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { Directories } from '../../files/directories.js';
import type { ByteName } from '../../linux/index.js';
import {
  type Append,
  confirmAppend,
  type End,
  lookAtEnd,
  namesSame,
  openManifest,
  THIS_APPEND,
  thisAppend,
  writeAppend,
} from './append.js';

/** A file that changes under us so often is being fought over. */
const ROUNDS_MAX = 50;

export type Emit = (event: string, fields: Record<string, unknown>) => void;

/** Errors: as the system calls give them; the append is nobody's then (`owner` 0), and whoever comes first goes on. */
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
        const end = lookAtEnd(backend, append.file, fd);
        emit('manifest_replanned', { feed: append.feed, file: append.file, from: append.at, to: end.size });
        const replanned = await backend.transact((tx) => replan(tx, append, end));
        if (!replanned) return;
        append = replanned;
      } finally {
        closeSync(fd);
      }
    }
    throw new Error(
      `the manifest ${append.file} was changed by somebody else ${ROUNDS_MAX} times while one append was under way`,
    );
  } catch (error) {
    await backend.transact((tx) =>
      tx.run('UPDATE appends SET owner = 0 WHERE id = ? AND owner = ?', append.id, backend.owner),
    );
    throw error;
  }
}

/**
 * The same lines at the end of what is there. Nothing that an operator took away is written back, nothing foreign is cut.
 * Undefined when it is not ours any more: then somebody else has written the lines, and a second time would be once too many.
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
 * Takes an open append over from an owner that is gone. Answers false when somebody else was quicker. This process's own is
 * its already, while it is still open: nobody takes it from an owner that lives.
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

/** May this process go on with an append that it finds open? Its own ones are left from a failure: it writes one at a time. */
export const isOrphan = (backend: Backend, append: Append): boolean =>
  append.owner === 0 || append.owner === backend.owner || !backend.isAlive(append.owner);
