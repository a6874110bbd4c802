/**
 * The public functions of this folder: synchronous calls on descriptors and byte names. Errors are LinuxError.
 * Does not: know what a feed, a job or a manifest is.
 */
export * from './acl.js';
export * from './boot.js';
export * from './directory-id.js';
export * from './entries.js';
export { codeOfErrno, LinuxError } from './error.js';
export * from './extents.js';
export * from './filesystem.js';
export { host } from './host.js';
export * from './inotify.js';
export * from './inotify-masks.js';
export * from './lease.js';
export { DirectoryListing, type ListedName } from './listing.js';
export { openLockFile, type SharedLockFile } from './locks.js';
export * from './names.js';
export * from './open.js';
export * from './process.js';
export { KINDS_OF_TYPES, type Kind, mountedFd, type Stat, statAt, statAtOrNone, statFd } from './stat.js';
export { syncFs } from './sync-fs.js';
export * from './times.js';
export { sendDatagram } from './without-waiting.js';
