/**
 * Identifies the directory that a descriptor is open on. The same directory is recognised after a reboot, and another
 * directory in its place is not mistaken for it. An inode number alone is not enough: ext4 gives a freed number to the
 * next directory, and the root of each ext4 has the number 2, of each tmpfs 1.
 * Guarantees: a part that may change while the directory stays the same is left empty. An empty part is not compared.
 * Does not: distinguish a filesystem from a copy of its whole disk. Source: statfs(2), FS_IOC_GETFSUUID in linux/fs.h
 * (6.9).
 */
import { fsKindOf } from './filesystem.js';
import { fstatfs, ioctl } from './libc.js';
import { statFd } from './stat.js';

export interface DirectoryId {
  inode: string;
  birth: string;
  /** The filesystem's own UUID, or the f_fsid that it derives from its UUID. */
  filesystem: string;
}

/**
 * Filesystems whose inode numbers last. The others invent numbers at a mount or a lookup, or copy a directory when it
 * is first written to. A directory that was recorded on one that is added here counts as another one.
 */
const INODES_LAST = new Set(['ext4', 'xfs', 'btrfs', 'f2fs', 'tmpfs', 'ramfs', 'zfs', 'bcachefs', 'ntfs3', 'nfs']);
/** On other filesystems f_fsid is 0 or the device number, which another disk may have after a reboot. */
const FSID_LASTS = new Set(['ext4', 'btrfs', 'tmpfs', 'zfs', 'bcachefs']);

/** Errors: LinuxError. */
export function directoryIdOf(fd: number): DirectoryId {
  const kind = fsKindOf(fd).name;
  if (!INODES_LAST.has(kind)) return { inode: '', birth: '', filesystem: '' };
  const { ino, birth } = statFd(fd);
  return { inode: String(ino), birth, filesystem: FSID_LASTS.has(kind) ? fsidOf(fd) : uuidOf(fd) };
}

/** True if a part that both have differs, or if the inode number lasts for one of them only: the kind of filesystem has changed. */
export function isAnotherDirectory(before: Partial<DirectoryId>, now: DirectoryId): boolean {
  if (before.inode !== undefined && (before.inode === '') !== (now.inode === '')) return true;
  const parts = ['inode', 'birth', 'filesystem'] as const;
  return parts.some((part) => before[part] && now[part] && before[part] !== now[part]);
}

/** struct statfs on x64 and arm64: f_fsid follows seven 64-bit words. */
const FSID_AT = 56;
function fsidOf(fd: number): string {
  const answer = Buffer.alloc(120);
  if (fstatfs(fd, answer) < 0) return '';
  const fsid = answer.readBigUInt64LE(FSID_AT);
  return fsid === 0n ? '' : fsid.toString(16);
}

const FS_IOC_GETFSUUID = 0x80111500;
/** struct fsuuid2: a length and 16 bytes. Older kernels and some filesystems refuse the call. */
function uuidOf(fd: number): string {
  const answer = Buffer.alloc(17);
  if (ioctl(fd, FS_IOC_GETFSUUID, 'uint8_t *', answer) < 0) return '';
  return answer.subarray(1, 1 + answer[0]!).toString('hex');
}
