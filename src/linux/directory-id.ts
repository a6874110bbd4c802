/**
 * Which directory a descriptor is open on, so that it is recognised after a reboot, and another one in its place is not taken for it.
 * An inode number alone does not say it: ext4 gives a freed number to the next directory, and the root of each ext4 is 2, of each tmpfs 1.
 * Guarantees: what may change while the directory stays the same is left empty, and an empty part says nothing.
 * Does not: tell a filesystem from a copy of its whole disk.
 * Source: statfs(2), FS_IOC_GETFSUUID in linux/fs.h (6.9).
 */
import { fsKindOf } from './filesystem.js';
import { fstatfs, ioctl } from './libc.js';
import { statFd } from './stat.js';

export interface DirectoryId {
  inode: string;
  birth: string;
  /** The filesystem's own UUID, or what it makes of it. */
  filesystem: string;
}

/** Others invent inode numbers at a mount or a lookup, or copy a directory when it is first written to. */
const INODES_LAST = new Set(['ext4', 'xfs', 'btrfs', 'f2fs', 'tmpfs', 'ramfs', 'zfs', 'bcachefs', 'ntfs3', 'nfs']);
/** Elsewhere f_fsid is 0 or the device's number, which another disk may have after a reboot. */
const FSID_LASTS = new Set(['ext4', 'btrfs', 'tmpfs', 'zfs', 'bcachefs']);

/** Errors: LinuxError. */
export function directoryIdOf(fd: number): DirectoryId {
  const kind = fsKindOf(fd).name;
  if (!INODES_LAST.has(kind)) return { inode: '', birth: '', filesystem: '' };
  const { ino, birth } = statFd(fd);
  return { inode: String(ino), birth, filesystem: FSID_LASTS.has(kind) ? fsidOf(fd) : uuidOf(fd) };
}

/** Whether a part that both have differs. */
export function isAnotherDirectory(before: Partial<DirectoryId>, now: DirectoryId): boolean {
  const parts = ['inode', 'birth', 'filesystem'] as const;
  return parts.some((part) => before[part] && now[part] && before[part] !== now[part]);
}

/** struct statfs on x64 and arm64: f_fsid after seven 64-bit words. */
const FSID_AT = 56;
function fsidOf(fd: number): string {
  const answer = Buffer.alloc(120);
  if (fstatfs(fd, answer) < 0) return '';
  const fsid = answer.readBigUInt64LE(FSID_AT);
  return fsid === 0n ? '' : fsid.toString(16);
}

const FS_IOC_GETFSUUID = 0x80111500;
/** struct fsuuid2: a length and 16 bytes. Older kernels and some filesystems refuse to answer. */
function uuidOf(fd: number): string {
  const answer = Buffer.alloc(17);
  if (ioctl(fd, FS_IOC_GETFSUUID, 'uint8_t *', answer) < 0) return '';
  return answer.subarray(1, 1 + answer[0]!).toString('hex');
}
