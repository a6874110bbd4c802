/**
 * Compares a file with what was seen of it before.
 * A rename, chmod or link changes only the ctime, so a sealed file is compared without it. The device's number is never
 * compared: it changes with a reboot or a remount, and where the file lies is checked by the root's marker.
 */
import type { Stat } from '../linux/index.js';
import type { FileIdentity } from '../stages/job.js';
import { identityOf } from './identity.js';

/** The identity without a sidecar's part: of the file alone. */
export const fileIdentity = (identity: string): FileIdentity => identity.split('+', 1)[0]!;

const withoutDevice = (identity: string): string => identity.slice(identity.indexOf(':'));

/** Unchanged in everything that a stat tells of a file. */
export const unchanged = (identity: FileIdentity, now: Stat): boolean =>
  withoutDevice(fileIdentity(identity)) === withoutDevice(identityOf(now));

/** The same inode with the same bytes, as far as size and mtime tell. */
export function sameBytes(identity: FileIdentity, now: Stat): boolean {
  // All but the ctime, which comes last: compared as text, since parsing costs more than the stat itself.
  return identity.startsWith(`:${now.ino}:${now.size}:${now.mtimeNs}:`, identity.indexOf(':'));
}
