/**
 * Removes what was put aside into `making`. What stays there is out of DEST, so the mirror is right without it: it is
 * named, and takes room.
 */
import type { Emit } from '../../base/telemetry/emit.js';
import { errnoOf } from '../../files/place-error.js';
import { type ByteName, nameOfText, shownName, statAtOrNone, unlinkAt } from '../../linux/index.js';
import { removeTree } from './remove-tree.js';
import { HIDDEN } from './rules.js';

export const MAKING = nameOfText('making');

/** Returns how many names were removed. `dest`: the path of DEST, for the event. */
export async function removeAside(making: number, name: ByteName, dest: string, emit: Emit): Promise<number> {
  const stays = (code: string, reason: string): void =>
    emit('replica_leftover', { path: `${dest}/${[HIDDEN, MAKING, name].map(shownName).join('/')}`, code, reason });
  let removed = 0;
  try {
    if (statAtOrNone(making, name)?.kind === 'directory') removed = await removeTree(making, name);
    else unlinkAt(making, name);
    if (statAtOrNone(making, name))
      stays('ENOTEMPTY', 'something in it stays: a subvolume, or what another process made there');
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    stays(code, (error as Error).message);
  }
  return removed;
}
