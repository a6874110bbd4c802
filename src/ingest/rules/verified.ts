/**
 * Compares a file with an earlier observation of it.
 * A rename, chmod or link changes only the ctime, so a sealed file is compared without it. The device number is never
 * compared: it changes with a reboot or a remount. The root's marker proves that it is the right filesystem.
 */
import type { Stat } from '../../linux/index.js';
import type { FileIdentity } from './facts.js';

/** The identity of the file alone, without the sidecar's part. */
export const fileIdentity = (identity: string): FileIdentity => identity.split('+', 1)[0]!;

/** The part of the sidecar; undefined outside sidecar mode. */
export const sidecarIdentity = (identity: string): string | undefined => identity.split('+', 2)[1];

const withoutDevice = (identity: string): string => identity.slice(identity.indexOf(':'));

/** Unchanged in everything that a stat shows of a file. */
export const unchanged = (identity: FileIdentity, now: Pick<Stat, 'version'>): boolean =>
  withoutDevice(fileIdentity(identity)) === withoutDevice(now.version);

/** `rsync --partial` leaves an unfinished file with mtime seconds of 0, and keeps the nanoseconds. */
export const hasPartialSign = ({ mtimeNs }: Stat): boolean => mtimeNs >= 0n && mtimeNs < 1_000_000_000n;

/** The same inode with the same bytes, as far as size and mtime show. */
export function sameBytes(identity: FileIdentity, { version }: Pick<Stat, 'version'>): boolean {
  // The text without device and ctime (its first and last part). Parsing it would cost more than the stat itself.
  const bytes = version.slice(version.indexOf(':'), version.lastIndexOf(':') + 1);
  return identity.startsWith(bytes, identity.indexOf(':'));
}
