/**
 * The public functions of this folder: synchronous calls on descriptors and byte names. Errors are LinuxError.
 * Does not: know what a feed, a job or a manifest is.
 */
export { type Acl, type AclKind, aclOf, modeWithoutAcl, setAcl } from './acl.js';
export * from './boot.js';
export { sendDatagram } from './datagram.js';
export { type DirectoryId, directoryIdOf, isAnotherDirectory } from './directory-id.js';
export {
  isUnknownFlag,
  linkAt,
  makeDirectoryAt,
  refuseTaken,
  removeDirectoryAt,
  renameNoReplace,
  renameReplacing,
  unlinkAt,
} from './entries.js';
export { codeOfErrno, LinuxError } from './error.js';
export { cloneFile, dataAfter, fallocateKeepSize, type Range, setPosition } from './extents.js';
export { type FsKind, fsKindOf, fsKindOfMagic } from './filesystem.js';
export { host } from './host.js';
export * from './inotify.js';
export * from './inotify-masks.js';
export { type LeaseAnswer, probeLease } from './lease.js';
export { DirectoryListing, type ListedName } from './listing.js';
export { openLockFile, type SharedLockFile } from './locks.js';
export * from './names.js';
export * from './open.js';
export { descriptorsMax, endNow, isIgnored, limitFurtherData, setParentDeathSignal } from './process.js';
export { KINDS_OF_TYPES, type Kind, mountedFd, type Stat, statAt, statAtOrNone, statFd } from './stat.js';
export { makeSymlinkAt, readLinkAt, setOwnerAt } from './symlinks.js';
export { syncFs } from './sync-fs.js';
export { setTimes, setTimesAt } from './times.js';
export { userName } from './user.js';
