/**
 * The names that a filesystem, its server or its desktop keeps for itself at the root of each filesystem. They are no
 * content: nobody delivered them, an ordinary user may often not enter them, and what lies in them is a fragment, an
 * old version or something that was thrown away.
 * Guarantees: a folder of such a name deeper in a tree is somebody's own, and is content.
 * Does not: leave out what tools put into every folder (`@eaDir`, `.DS_Store`, `Thumbs.db`). Globs do.
 */
import type { ByteName } from '../linux/names.js';

const NAMES: ReadonlySet<string> = new Set([
  // fsck: ext4 makes the first at mkfs, xfs and f2fs when they are repaired.
  'lost+found',
  'lost_found',
  // Quotas of ext4, in files.
  'aquota.user',
  'aquota.group',
  'quota.user',
  'quota.group',
  // Snapshots of NFS servers, CephFS, btrfs with snapper, and ZFS: the same files again.
  '.snapshot',
  '.snapshots',
  '.snap',
  '.zfs',
  // Windows, on NTFS, exFAT and shares.
  'System Volume Information',
  '$RECYCLE.BIN',
  'RECYCLER',
  // macOS, on the same.
  '.fseventsd',
  '.Spotlight-V100',
  '.DocumentRevisions-V100',
  '.TemporaryItems',
  '.Trashes',
  // Desktops of Linux; the second one has a user's number.
  '.Trash',
  // Shares of Synology and QNAP.
  '#recycle',
  '#snapshot',
  '@Recycle',
  '@Recently-Snapshot',
]);
const TRASH_OF_USER = /^\.Trash-\d+$/;
/** An NFS client keeps a removed file under such a name, in its folder, while somebody has it open. */
const REMOVED_ON_NFS = /^\.nfs[0-9a-f]{24}$/;

/** `isRoot`: whether the folder of the name is the root of a filesystem, or of the tree that is read. */
export function isOfFilesystem(name: ByteName, isRoot: () => boolean): boolean {
  if (REMOVED_ON_NFS.test(name)) return true;
  return (NAMES.has(name) || TRASH_OF_USER.test(name)) && isRoot();
}

/** The same for a path below a tree. `isInMountRoot`: whether its folder is the root of a mount; by default the text alone decides. */
export const isOfFilesystemAt = (path: ByteName, isInMountRoot = () => false): boolean => {
  const slash = path.lastIndexOf('/');
  return isOfFilesystem(path.slice(slash + 1) as ByteName, () => slash < 0 || isInMountRoot());
};
