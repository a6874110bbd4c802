/**
 * Makes the marker of a complete period: makes and syncs a token, commits that it exists, then renames it to `_SUCCESS`.
 * Guarantees: the marker appears once, and never again after a reader removed it, whatever process dies in between: the token
 * is made before its commit and never after it, and only one rename can use it. Only one living process has a period, also
 * while that process is stopped. A folder that an operator removed is not made again.
 */
import assert from 'node:assert/strict';
import { fsyncSync } from 'node:fs';
import type { Backend } from '../../../queue/backend.js';
import { removeIfThere } from '../../files/copy.js';
import type { Directories, Entry } from '../../files/directories.js';
import { SUCCESS, SUCCESS_TOKEN } from '../../files/job-paths.js';
import { moveOwn } from '../../files/moves.js';
import { unlessMissing } from '../../files/place-error.js';
import { LinuxError, O, openAt, withFd } from '../../linux/index.js';
import type { Period } from './period.js';

const TO_STATE = `UPDATE periods SET state = ?, owner = ?, waits_job = NULL, waits_why = NULL, changed_ms = ?
  WHERE folder = ? AND state = ? AND owner = ?`;

/** Marks a period that this process has taken. Returns true where it has a marker. Errors: LinuxError, of the system calls. */
export async function mark(backend: Backend, root: Directories, period: Period): Promise<boolean> {
  const dir = unlessMissing(() => root.directory(period.name));
  const move = async (to: Period['state'], from: Period['state'], owner: number): Promise<void> => {
    const its = [period.folder, from, backend.owner];
    const { changes } = await backend.transact((tx) => tx.run(TO_STATE, to, owner, tx.wallMs, ...its));
    assert(changes === 1, `${period.folder} is ${from} no more, and nobody takes it from a process that lives`);
  };
  let { state } = period;
  if (dir !== undefined && state === 'closed') {
    makeToken(dir);
    await move('marking', 'closed', backend.owner);
    state = 'marking';
  }
  if (dir !== undefined) giveName(dir);
  await move('marked', state, 0);
  return dir !== undefined;
}

function makeToken(dir: number): void {
  const flags = O.WRONLY | O.CREAT | O.NOFOLLOW | O.NONBLOCK;
  withFd(openAt(dir, SUCCESS_TOKEN, flags, { mode: 0o644, resolve: 'beneath' }), fsyncSync);
  fsyncSync(dir);
}

/**
 * Without a token: it was renamed before a crash. A `_SUCCESS` that somebody else made stays, and is as good. It is a rename and never
 * a link, also where the filesystem knows no RENAME_NOREPLACE: between a link and the removal of the token a reader may remove the
 * marker, and after a crash the token would make it again.
 */
function giveName(dir: number): void {
  const token: Entry = { dir, name: SUCCESS_TOKEN };
  try {
    moveOwn(token, { dir, name: SUCCESS });
  } catch (error) {
    if (!(error instanceof LinuxError) || (error.code !== 'ENOENT' && error.code !== 'EEXIST')) throw error;
    if (error.code === 'EEXIST') removeIfThere(token.dir, token.name);
  }
  fsyncSync(dir);
}
