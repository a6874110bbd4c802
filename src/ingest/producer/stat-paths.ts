/**
 * Stats noted paths: which file is there, and which version of it.
 * Guarantees: never opens a file and never follows a symlink, neither in a directory of the path nor at its end. A parent directory
 * that was replaced by a symlink leads nowhere. What a mount below the root keeps at its own root is left out.
 */
import { Directories } from '../../files/directories.js';
import { isInMountRoot } from '../../files/mounts.js';
import { isOfFilesystemAt } from '../../files/of-filesystem.js';
import { type Kind, LinuxError, openDirectory, type Stat, statAtOrNone } from '../../linux/index.js';
import { type ByteName, nameOfText } from '../../linux/names.js';
import type { Cause, OpenRoot, QueuedPath } from '../../watcher/engine/index.js';
import { GONE } from '../files/feed-files.js';
import { identityOf } from '../rules/identity.js';

/** A regular file as it was found. */
export interface FoundFile {
  path: ByteName;
  by: Cause;
  /** The identity of the file alone. */
  fileIdentity: string;
  /** The identity with its sidecar, in sidecar mode. */
  identity: string;
  size: number;
  /** undefined: not in sidecar mode. */
  hasSidecar: boolean | undefined;
}

/** A sidecar at whose path no file lies. */
export interface AloneSidecar {
  /** The path of its file. */
  path: ByteName;
  /** Another value means another sidecar, or one that was changed. */
  version: string;
}

export interface Found {
  files: FoundFile[];
  alone: AloneSidecar[];
  /** Files that are not regular (without directories). */
  others: { path: ByteName; kind: Kind }[];
  /** Paths that could not be checked; the next scan finds them again. */
  failed: { path: ByteName; code: string }[];
}

const HERE = nameOfText('.');
/** Errors of this process, not of the path: the same try may succeed later. */
const OURS = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** `sidecarSuffix`: only in sidecar mode. Throws LinuxError when this process is out of descriptors or memory. */
export function statPaths(paths: readonly QueuedPath[], root: OpenRoot, sidecarSuffix: ByteName | undefined): Found {
  const found: Found = { files: [], alone: [], others: [], failed: [] };
  const directories = new Directories(openDirectory(root.fd, HERE));
  try {
    for (const queued of paths) {
      try {
        statOne(queued, directories, sidecarSuffix, found);
      } catch (error) {
        if (!(error instanceof LinuxError) || OURS.has(error.code)) throw error;
        if (!GONE.has(error.code)) found.failed.push({ path: queued.path, code: error.code });
      }
    }
    return found;
  } finally {
    directories.close();
  }
}

function statOne({ path, by }: QueuedPath, directories: Directories, suffix: ByteName | undefined, found: Found): void {
  const { dir, name } = directories.entry(path);
  if (isOfFilesystemAt(path, () => isInMountRoot({ dir }))) return;
  const stat = statAtOrNone(dir, name);
  if (stat?.kind === 'directory') return;
  if (stat && stat.kind !== 'file') {
    found.others.push({ path, kind: stat.kind });
    return;
  }
  const sidecar = suffix === undefined ? undefined : sidecarOf(dir, name, suffix);
  if (!stat) {
    if (sidecar) found.alone.push({ path, version: `${sidecar.ino}:${sidecar.ctimeNs}` });
    return;
  }
  const identity = identityOf(stat, sidecar);
  const hasSidecar = sidecar === undefined ? undefined : sidecar !== null;
  found.files.push({ path, by, fileIdentity: identityOf(stat), identity, size: stat.size, hasSidecar });
}

/** A sidecar is a regular file. A name that is too long for a sidecar has none. */
function sidecarOf(dir: number, name: ByteName, suffix: ByteName): Stat | null {
  if (name.length + suffix.length > 255) return null;
  const stat = statAtOrNone(dir, `${name}${suffix}` as ByteName);
  return stat?.kind === 'file' ? stat : null;
}
