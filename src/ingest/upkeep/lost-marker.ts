/**
 * The content of a marker, and the command that puts one back by hand: the root is the right one, and that file alone was deleted.
 * Does not: run it. A root whose filesystem is not mounted looks the same, and only a person knows.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { quoted } from '../../base/shell.js';
import { MARKER, type Marker } from '../../files/marker.js';
import { markerAt } from './root-locks.js';

/** The marker of a new root, but for its id. */
export const newMarker = (kind: string, state: string, statePath: string): Omit<Marker, 'id'> =>
  kind === 'warehouse' ? { kind } : { kind, state, statePath };

/** `marker`: as the state has recorded it. */
export const remedyOfLost = (root: string, marker: Marker): string =>
  markerAt(root)
    ? 'mount the one that was there (this one has the marker of another)'
    : `mount the one that was there, or, if only this file is gone, put it back: ${putsBack(root, marker)}`;

/** The processes of the service write to their marker (its lock), so it is made as theirs. */
export function putsBack(root: string, marker: Marker): string {
  const me = { uid: process.geteuid!(), gid: process.getegid!() };
  const { uid, gid } = me.uid === 0 ? statSync(root) : me;
  const to = quoted(join(root, MARKER));
  return `printf '%s\\n' ${quoted(JSON.stringify(marker))} | sudo install -m 644 -o ${uid} -g ${gid} /dev/stdin ${to}`;
}
