/**
 * Compares a file with what was seen of it before.
 * A rename, chmod or link changes only the ctime, so a sealed file is compared without it.
 */
import type { Stat } from '../linux/index.js';
import type { FileIdentity } from '../stages/job.js';
import { identityOf, parseIdentity } from './identity.js';

/** The identity without a sidecar's part: of the file alone. */
export const fileIdentity = (identity: string): FileIdentity => identity.split('+', 1)[0]!;

/** Unchanged in everything that a stat tells. */
export const unchanged = (identity: FileIdentity, now: Stat): boolean => fileIdentity(identity) === identityOf(now);

/** The same inode with the same bytes, as far as size and mtime tell. */
export function sameBytes(identity: FileIdentity, now: Stat): boolean {
  const then = parseIdentity(identity);
  if (then === undefined) return false;
  const same = (a: bigint | number, b: bigint | number): boolean => BigInt(a) === BigInt(b);
  return (
    same(then.dev, now.dev) && same(then.ino, now.ino) && same(then.size, now.size) && then.mtimeNs === now.mtimeNs
  );
}
