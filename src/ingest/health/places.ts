/**
 * The places that stages need, one entry each: how a probe finds out that it works again, and what its gate's finding says. A stage
 * names its places; where one fails, the gates of its stages close.
 * Does not: know what each errno of a place means (src/files/place-error.ts).
 */
import { closeSync, fsyncSync, statfsSync, writeSync } from 'node:fs';
import { removeIfThere } from '../../files/copy.js';
import { takesWrites } from '../../files/dead-mount.js';
import type { Directories } from '../../files/directories.js';
import { PROBE } from '../../files/marker.js';
import { inPlace, type PlaceKind, placeError, STUCK } from '../../files/place-error.js';
import { type ByteName, mountedFd, O, openAt, shownName } from '../../linux/index.js';
import type { FeedFiles } from '../files/feed-files.js';

export interface Place {
  /** Rejects where a write of the probe would hang. */
  checkWrites?(files: FeedFiles): Promise<void>;
  /**
   * Throws what is still wrong. `needsBytes`: the bytes that must be free; undefined where the gate did not close for room. A place on
   * another machine has none: a process that uses it asks it (remote.ts).
   */
  probe?(files: FeedFiles, needsBytes?: () => number): void;
  /** Follows the code in the sentence of its finding. */
  at: string;
  /** The next step for an operator; undefined: the hint of the gate's code. */
  release?: string;
}

const REPAIR = 'repair it; it is checked again and again, and goes on by itself';

/** Must be free: for directories and lines, and in addition to a file that has to be copied. */
const MARGIN_BYTES = 256 * 1_024;

const CONTENT = Buffer.alloc(4_096, 0x20);

/** `isOurs`: the ingestor writes there, so the probe does. */
const root = (name: PlaceKind, isOurs: boolean, open: (files: FeedFiles) => Directories): Place => ({
  at: ` at the ${name}`,
  release: REPAIR,
  ...(isOurs && {
    async checkWrites(files: FeedFiles) {
      const { rootFd, place } = open(files);
      if (!(await takesWrites(rootFd, shownName(PROBE), mountedFd(rootFd)))) throw placeError(name, place!.path, STUCK);
    },
  }),
  probe(files, needsBytes) {
    const { rootFd, place } = open(files);
    if (isOurs) inPlace(name, place!.path, 'root', () => tryWriting(rootFd));
    if (needsBytes) demandSpace(rootFd, needsBytes());
  },
});

export const PLACES: { readonly [Name in PlaceKind]: Place } = {
  input: root('input', false, (files) => files.input),
  work: root('work', true, (files) => files.work('' as ByteName)),
  manifests: root('manifests', true, (files) => files.manifests),
  warehouse: root('warehouse', true, (files) => files.warehouse),
  // It has a watermark and a check of its lines, and is not probed.
  state: { at: ' at the state', release: REPAIR, probe: () => {} },
  // The next file that goes through the chain finds out whether it can be loaded. Its code says which chain.
  process: { at: '', probe: () => {} },
  ledger: {
    at: '',
    release: 'files are hashed and those that were asked for are stored; the rest waits, and goes on by itself',
  },
  bucket: {
    at: '',
    release: 'files are stored; what is to be published waits, and goes on by itself',
  },
};

function tryWriting(fd: number): void {
  const probe = openAt(fd, PROBE, O.WRONLY | O.CREAT | O.TRUNC | O.NOFOLLOW, { mode: 0o600, resolve: 'beneath' });
  try {
    writeSync(probe, CONTENT);
    fsyncSync(probe);
  } finally {
    closeSync(probe);
    // Two feeds may probe one root at the same time.
    removeIfThere(fd, PROBE);
  }
}

function demandSpace(fd: number, bytes: number): void {
  const { bavail, bsize } = statfsSync(`/proc/self/fd/${fd}`);
  if (bavail * bsize < bytes + MARGIN_BYTES) throw new Error(`still only ${bavail * bsize} bytes free`);
}
