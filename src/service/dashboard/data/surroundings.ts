/**
 * What the machine says beside the state: free space of the places, watches of the producers.
 * Guarantees: a place that hangs holds up nobody: it is asked once at a time and its answer is waited for only so long; while
 * it does not answer it has no figure.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { QueueView } from '../../../../queue/index.js';
import type { Text } from '../../../linux/index.js';
import { limits } from './limits.js';

interface Place {
  feed: string;
  place: string;
  path: string;
}

interface Free extends Place {
  bytes: number;
  /** The size of the whole filesystem. */
  sizeBytes: number;
  /** Null of a filesystem that does not count them. */
  inodes: number | null;
}

export class Surroundings {
  #free: Free[] = [];
  readonly #asked = new Set<string>();

  constructor(
    private readonly view: QueueView,
    private readonly statePath: string,
  ) {}

  get free(): readonly Free[] {
    return this.#free;
  }

  /** Resolves within `freeSpaceMs`, whatever hangs. */
  async ask(): Promise<void> {
    const answers = await Promise.all(this.#places().map((place) => this.#askOne(place)));
    this.#free = answers.filter((one) => one !== undefined);
  }

  #places(): Place[] {
    const roots = this.view.read((rows) =>
      rows.all<Place>('SELECT feed, kind AS place, path FROM roots ORDER BY feed, kind'),
    );
    return [...roots, { feed: '*', place: 'state', path: dirname(this.statePath) }];
  }

  async #askOne(place: Place): Promise<Free | undefined> {
    // A call that hangs keeps one of the few threads of the pool: never a second one for the same path.
    if (this.#asked.has(place.path)) return undefined;
    this.#asked.add(place.path);
    const answer = statfs(place.path)
      .then(({ bavail, blocks, bsize, files, ffree }) => ({
        ...place,
        bytes: bavail * bsize,
        sizeBytes: blocks * bsize,
        inodes: files === 0 ? null : ffree,
      }))
      .catch(() => undefined) // it is gone: its gate says so
      .finally(() => this.#asked.delete(place.path));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, limits.freeSpaceMs, undefined);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  /** As /proc tells them, proc(5) fdinfo; 0 of a process that cannot be looked into. */
  watchesOf(pids: readonly number[]): number {
    return pids.reduce((sum, pid) => sum + watchesOf(pid), 0);
  }
}

function watchesOf(pid: number): number {
  try {
    const isInotify = (fd: Text) => readlinkSync(`/proc/${pid}/fd/${fd}`).endsWith('inotify');
    const infos = readdirSync(`/proc/${pid}/fd`)
      .filter(isInotify)
      .map((fd) => `/proc/${pid}/fdinfo/${fd}`);
    return infos.reduce((sum, info) => sum + readFileSync(info, 'latin1').split('\ninotify wd:').length - 1, 0);
  } catch {
    return 0; // another user's, or just ended
  }
}
