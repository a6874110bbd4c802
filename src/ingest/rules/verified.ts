/**
 * Compares a file with what was seen of it before.
 * A rename, chmod or link changes only the ctime, so a sealed file is compared without it. The device's number is never
 * compared: it changes with a reboot or a remount, and where the file lies is checked by the root's marker.
 */
import type { Stat } from '../../linux/index.js';
import type { FileIdentity } from './facts.js';

/** The identity without a sidecar's part: of the file alone. */
export const fileIdentity = (identity: string): FileIdentity => identity.split('+', 1)[0]!;

const withoutDevice = (identity: string): string => identity.slice(identity.indexOf(':'));

/** Unchanged in everything that a stat tells of a file. */
export const unchanged = (identity: FileIdentity, now: Pick<Stat, 'version'>): boolean =>
  withoutDevice(fileIdentity(identity)) === withoutDevice(now.version);

/** `rsync --partial` sets the seconds of the mtime of what it could not finish to 0, and keeps the nanoseconds. */
export const hasPartialSign = ({ mtimeNs }: Stat): boolean => mtimeNs >= 0n && mtimeNs < 1_000_000_000n;

/** The same inode with the same bytes, as far as size and mtime tell. */
export function sameBytes(identity: FileIdentity, { version }: Stat): boolean {
  // All but the device and the ctime, first and last: compared as text, since parsing costs more than the stat itself.
  const bytes = version.slice(version.indexOf(':'), version.lastIndexOf(':') + 1);
  return identity.startsWith(bytes, identity.indexOf(':'));
}
