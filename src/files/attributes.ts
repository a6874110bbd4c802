/**
 * Owner, mode, ACL and times of a copy, as its source has them.
 * Guarantees: nobody may do more with a copy than with its source. Where the filesystem of the copy has no ACLs, the
 * mode keeps what can be kept of them. A copy whose owner could not be kept has no set-id bits.
 * Does not: fail where a filesystem or the user cannot keep something.
 */
import { fchmodSync, fchownSync } from 'node:fs';
import { type Acl, aclOf, modeWithoutAcl, type Stat, setAcl, setTimes } from '../linux/index.js';

/** The rights to a file: its owner, group, mode and ACL. */
export interface Rights extends Pick<Stat, 'uid' | 'gid' | 'mode'> {
  acl: Acl | undefined;
}

const SET_IDS = 0o6000;
/** Only root can keep an owner, so for other users another one is no difference. */
const keepsOwners = (): boolean => process.geteuid?.() === 0;

export function rightsOf(fd: number, { uid, gid, mode }: Stat): Rights {
  const acl = aclOf(fd);
  return { uid, gid, mode, acl: typeof acl === 'string' ? undefined : acl };
}

/** `from`: the open source. */
export function keepAttributes(fd: number, from: number, source: Stat): void {
  keepRights(fd, rightsOf(from, source));
  asFarAsAllowed(() => setTimes(fd, source.atimeNs, source.mtimeNs));
}

/**
 * The owner goes first, because changing it clears the set-id bits. The ACL goes before the mode, because the mode
 * alone would give its mask to the group. An ACL that the file got from its directory is removed.
 */
export function keepRights(fd: number, rights: Rights): void {
  const { uid, gid, acl } = rights;
  const isOwned = asFarAsAllowed(() => fchownSync(fd, uid, gid));
  // Only root may give a file away. A user may give it to another one of his groups.
  if (!isOwned) asFarAsAllowed(() => fchownSync(fd, -1, gid));
  const hasAcl = setAcl(fd, acl ?? 'none');
  asFarAsAllowed(() => fchmodSync(fd, keptMode(rights, isOwned, hasAcl)));
}

/** True where `keepRights` would change nothing. `stat`: of the copy. */
export function hasRights(fd: number, stat: Stat, rights: Rights): boolean {
  const acl = aclOf(fd);
  const isOwned = stat.uid === rights.uid && stat.gid === rights.gid;
  if (!isOwned && keepsOwners()) return false;
  if (stat.mode !== keptMode(rights, isOwned, acl !== 'unsupported')) return false;
  return acl === 'unsupported' || sameAcl(acl, rights.acl ?? 'none');
}

/** Sets the ACL that new entries of a directory get. Done after `keepRights`. */
export function keepDefaultAcl(fd: number, from: number): void {
  const acl = aclOf(from, 'default');
  setAcl(fd, acl === 'unsupported' ? 'none' : acl, 'default');
}

export function hasDefaultAcl(fd: number, from: number): boolean {
  const [acl, wanted] = [aclOf(fd, 'default'), aclOf(from, 'default')];
  return acl === 'unsupported' || sameAcl(acl, wanted === 'unsupported' ? 'none' : wanted);
}

const sameAcl = (a: Acl | 'none', b: Acl | 'none'): boolean =>
  typeof a === 'string' || typeof b === 'string' ? a === b : a.equals(b);

function keptMode({ mode, acl }: Rights, isOwned: boolean, hasAcl: boolean): number {
  const kept = acl && !hasAcl ? modeWithoutAcl(acl, mode) : mode;
  return isOwned ? kept : kept & ~SET_IDS;
}

/**
 * EINVAL: this user namespace does not know the owner. EPERM, ENOTSUP: the filesystem has no modes or owners.
 * Returns whether it was done.
 */
export function asFarAsAllowed(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!['EPERM', 'EINVAL', 'ENOTSUP'].includes((error as { code?: string }).code ?? '')) throw error;
    return false;
  }
}
