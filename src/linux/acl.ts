/**
 * POSIX access control lists of open files, as the kernel stores them.
 * Guarantees: "this filesystem has no ACLs" is a return value, not an error.
 * Does not: know other kinds of ACLs (NFSv4, SMB). Source: acl(5), xattr(7), linux/posix_acl_xattr.h.
 */
import { ERRNO, LinuxError } from './error.js';
import { errno, fgetxattr, fremovexattr, fsetxattr } from './libc.js';

/** `default`: what new entries of a directory get. */
export type AclKind = 'access' | 'default';
/** The bytes of the attribute. Equal bytes are equal ACLs. */
export type Acl = Buffer;

const nameOf = (kind: AclKind): string => `system.posix_acl_${kind}`;
/** XATTR_SIZE_MAX */
const into = Buffer.alloc(65_536);

/** `none`: the mode says it all. `unsupported`: the filesystem has no ACLs. */
export function aclOf(fd: number, kind: AclKind = 'access'): Acl | 'none' | 'unsupported' {
  const length = fgetxattr(fd, nameOf(kind), into, into.length);
  if (length >= 0) return Buffer.from(into.subarray(0, length));
  const error = errno();
  if (error === ERRNO.ENODATA) return 'none';
  if (error === ERRNO.EOPNOTSUPP) return 'unsupported';
  throw new LinuxError('fgetxattr', error);
}

/** EPERM: another user's file. EINVAL: this user namespace does not know somebody that the ACL names. */
const CANNOT_SET: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.EPERM, ERRNO.EINVAL, ERRNO.E2BIG];

/** Sets the ACL, and with it the mode; `none` removes it. False: it cannot be stored here, and nothing was changed. */
export function setAcl(fd: number, acl: Acl | 'none', kind: AclKind = 'access'): boolean {
  const isSet = acl === 'none' ? fremovexattr(fd, nameOf(kind)) : fsetxattr(fd, nameOf(kind), acl, acl.length, 0);
  if (isSet === 0) return true;
  const error = errno();
  if (acl === 'none' && error === ERRNO.ENODATA) return true;
  if (CANNOT_SET.includes(error)) return false;
  throw new LinuxError('fsetxattr', error);
}

/** A 32-bit version, then entries: tag (16 bits), permissions (16), user or group (32). */
const ENTRIES_AT = 4;
const ENTRY_BYTES = 8;
const TAG = { user: 0x02, ownGroup: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const;

/**
 * The mode of a file whose ACL is lost: nobody gets more than the ACL gave. The group bits of `mode` are the mask of
 * the ACL, so the own group gets its own entry instead. A named user or group is then judged by other bits, which
 * keep only what that entry had too.
 */
export function modeWithoutAcl(acl: Acl, mode: number): number {
  const entries: { tag: number; may: number }[] = [];
  for (let at = ENTRIES_AT; at + ENTRY_BYTES <= acl.length; at += ENTRY_BYTES)
    entries.push({ tag: acl.readUInt16LE(at), may: acl.readUInt16LE(at + 2) });
  const of = (...tags: number[]): number =>
    entries.reduce((left, { tag, may }) => (tags.includes(tag) ? left & may : left), 0o7);
  const mask = of(TAG.mask);
  const named = (...tags: number[]): number => (entries.some(({ tag }) => tags.includes(tag)) ? of(...tags) & mask : 7);
  const group = of(TAG.ownGroup) & mask & named(TAG.user);
  const other = of(TAG.other) & named(TAG.user, TAG.group);
  return (mode & ~0o077) | (group << 3) | other;
}
