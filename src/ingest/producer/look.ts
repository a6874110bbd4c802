/**
 * Looks at marked paths: what lies there, and which version of it.
 * Guarantees: never opens a file and never follows a symlink, on the way or at the end; a parent directory that was
 * swapped for one leads nowhere.
 */
import { Directories } from '../../files/directories.js';
import { type Kind, LinuxError, openDirectory, type Stat, statAtOrNone } from '../../linux/index.js';
import { type ByteName, nameOfText } from '../../linux/names.js';
import type { Cause, OpenRoot, QueuedPath } from '../../watcher/engine/index.js';
import { identityOf } from '../rules/identity.js';

/** A regular file as it was seen. */
export interface Look {
  path: ByteName;
  by: Cause;
  /** Of the file alone. */
  file: string;
  /** With its sidecar, in sidecar mode. */
  identity: string;
  size: number;
  /** undefined: not in sidecar mode. */
  hasSidecar: boolean | undefined;
}

export interface Looked {
  files: Look[];
  /** Things that are no regular files (directories are not told). */
  others: { path: ByteName; kind: Kind }[];
  /** Paths that could not be looked at; the next scan meets them again. */
  failed: { path: ByteName; code: string }[];
}

const HERE = nameOfText('.');
/** A symlink or a file where a directory of the path was: the path is gone. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
/** They say nothing of the path: worth the same try again. */
const OURS = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** `sidecarSuffix`: only in sidecar mode. Throws LinuxError when this process is out of descriptors or memory. */
export function lookAt(marks: readonly QueuedPath[], root: OpenRoot, sidecarSuffix: ByteName | undefined): Looked {
  const looked: Looked = { files: [], others: [], failed: [] };
  const directories = new Directories(openDirectory(root.fd, HERE));
  try {
    for (const mark of marks) {
      try {
        lookAtOne(mark, directories, sidecarSuffix, looked);
      } catch (error) {
        if (!(error instanceof LinuxError) || OURS.has(error.code)) throw error;
        if (!GONE.has(error.code)) looked.failed.push({ path: mark.path, code: error.code });
      }
    }
    return looked;
  } finally {
    directories.close();
  }
}

function lookAtOne(
  { path, by }: QueuedPath,
  directories: Directories,
  suffix: ByteName | undefined,
  looked: Looked,
): void {
  const { dir, name } = directories.entry(path);
  const stat = statAtOrNone(dir, name);
  if (stat === undefined || stat.kind === 'directory') return;
  if (stat.kind !== 'file') {
    looked.others.push({ path, kind: stat.kind });
    return;
  }
  const sidecar = suffix === undefined ? undefined : sidecarOf(dir, name, suffix);
  const identity = identityOf(stat, sidecar);
  const hasSidecar = sidecar === undefined ? undefined : sidecar !== null;
  looked.files.push({ path, by, file: identityOf(stat), identity, size: stat.size, hasSidecar });
}

/** A sidecar is a regular file; a name that is too long for one has none. */
function sidecarOf(dir: number, name: ByteName, suffix: ByteName): Stat | null {
  if (name.length + suffix.length > 255) return null;
  const stat = statAtOrNone(dir, `${name}${suffix}` as ByteName);
  return stat?.kind === 'file' ? stat : null;
}
