/**
 * Lists all entries below a root, depth first. What a filesystem keeps at its root is left out.
 * Guarantees: only the directories that are still to be read are in memory.
 */
import { type ByteName, joinNames, type Stat, statAtOrNone, statFd } from '../linux/index.js';
import type { Directories } from './directories.js';
import { namesIn } from './names-in.js';
import { isOfFilesystem } from './of-filesystem.js';

export interface EntryBelow {
  /** Below the root. */
  path: ByteName;
  name: ByteName;
  stat: Stat;
}

export interface Walk {
  /** Whether a directory is read. */
  enters: (entry: EntryBelow) => boolean;
  /** A directory that cannot be read; '' is the root. Its other entries are left out. */
  failed: (path: ByteName, error: unknown) => void;
}

export function* entriesBelow(root: Directories, { enters, failed }: Walk): Generator<EntryBelow> {
  const pending = ['' as ByteName];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    try {
      for (const entry of entriesIn(root, at)) {
        if (entry.stat.kind === 'directory' && enters(entry)) pending.push(entry.path);
        yield entry;
      }
    } catch (error) {
      failed(at, error);
    }
  }
}

function* entriesIn(root: Directories, at: ByteName): Generator<EntryBelow> {
  const isRoot = () => at === '' || statFd(root.directory(at)).isMountRoot;
  for (const name of namesIn(root.directory(at))) {
    if (isOfFilesystem(name, isRoot)) continue;
    const stat = statAtOrNone(root.directory(at), name);
    if (stat) yield { path: joinNames(at, name), name, stat };
  }
}
