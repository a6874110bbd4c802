/** Looks below an open root, through no symlink: a directory that was swapped for one leads nowhere. */
import { Directories } from '../files/directories.js';
import { type Kind, LinuxError, openDirectory, type Stat, statAtOrNone } from '../linux/index.js';
import { type ByteName, nameOfText } from '../linux/names.js';
import type { FileKind, OpenRoot } from './engine/types.js';
import type { Seen } from './picture.js';
import { isRacy, type Looker } from './seen.js';

const HERE = nameOfText('.');
/** A symlink or a file where a directory of the path was: the path is gone. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

export class LinuxLooker implements Looker {
  #directories: Directories;
  #open = true;

  constructor(private readonly root: OpenRoot) {
    this.#directories = new Directories(openDirectory(root.fd, HERE));
  }

  look(path: ByteName): Seen | undefined {
    try {
      const { dir, name } = this.#directories.entry(path);
      const stat = statAtOrNone(dir, name);
      return stat === undefined ? undefined : entryOf(stat);
    } catch (error) {
      if (error instanceof LinuxError && GONE.has(error.code)) return undefined;
      throw error;
    }
  }

  forget(): void {
    const directories = new Directories(openDirectory(this.root.fd, HERE));
    this.#directories.close();
    this.#directories = directories;
  }

  close(): void {
    if (this.#open) this.#directories.close();
    this.#open = false;
  }
}

function entryOf(stat: Stat): Seen {
  const { file, content, changed } = stat.parts;
  const kind = KINDS[stat.kind];
  return {
    kind,
    ino: Number(stat.ino),
    file,
    content: kind === 'directory' ? '' : content,
    changed,
    links: kind === 'directory' ? 1 : stat.nlink,
    racy: kind !== 'directory' && isRacy(stat.ctimeMs),
  };
}

const KINDS: Record<Kind, FileKind> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  character: 'device',
  block: 'device',
};
