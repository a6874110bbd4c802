/**
 * Checks one directory: filesystem, permissions, leases, renames, names, free space and clock. Checks whether a move between two is a
 * rename or a copy.
 */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { shownBytes } from '../../base/telemetry/safe.js';
import { filesystemOf } from '../../files/mounts.js';
import { deliver, moveOwn, safeRenameAt } from '../../files/moves.js';
import { errnoOf, noSafeRename, type PlaceKind } from '../../files/place-error.js';
import {
  type ByteName,
  fsKindOf,
  O,
  openAt,
  openData,
  probeLease,
  type Stat,
  statAt,
  statAtOrNone,
  statFd,
  withFd,
} from '../../linux/index.js';
import { makes } from './make.js';
import { codeOf, makeProbe, probeName, removeProbes, withRoot } from './probe.js';
import { type Finding, fail, ok, warn } from './words.js';

export interface Place {
  /** The name in the finding. */
  name: string;
  kind: PlaceKind;
  /** A directory that exists. */
  path: string;
  /** The directory itself, if it does not exist yet. `path` is then the next folder above it that does. */
  future?: string | undefined;
}

const SPACE_FEW_BYTES = 1 << 30;
const INODES_FEW = 10_000;
/** A small filesystem is not short of room before it is nearly full. */
const SHARE_FEW = 0.1;
const SKEW_MAX_MS = 2_000;

/** `filesystems`: those whose room was reported; each is reported once, for all places on it. */
export function checkPlace(place: Place, filesystems: Set<number>): Finding[] {
  const { name, path } = place;
  try {
    return withRoot(path, (dir) => {
      const { dev } = statFd(dir);
      const rooms = filesystems.has(dev) ? [] : [room(place)];
      filesystems.add(dev);
      return [filesystem(place, dir), ...withProbe(place, dir), ...rooms];
    });
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    const remedy = 'run as the user that ingest runs as, or correct its permissions';
    return [fail(name, `${path} cannot be looked at (${code})`, remedy)];
  }
}

function filesystem({ name, kind, path }: Place, dir: number): Finding {
  const { name: fs, network, leasesMeaningful, inMemory } = fsKindOf(dir);
  if (kind === 'input' && network) {
    return warn(
      name,
      `${path} is on ${fs}: no events come from other hosts and no lease sees their writers, so it is scanned every 5 s and each file is copied after a second window`,
      'run ingest on the host that has the disk, if that is too slow',
    );
  }
  if ((kind === 'input' || kind === 'work') && !leasesMeaningful) {
    return warn(
      name,
      `${path} is on ${fs}, where leases say nothing: each file is copied after a second window`,
      'use ext4, xfs or btrfs, if that is too slow',
    );
  }
  if (inMemory)
    return warn(name, `${path} is on ${fs}, which is memory: a reboot empties it`, 'name a directory on a disk');
  return ok(name, `${path} is on ${fs}`);
}

/** All checks that need a probe file. */
function withProbe(place: Place, dir: number): Finding[] {
  const { name, kind, path } = place;
  const [a, b] = [probeName(), probeName()];
  const refused = codeOf(() => makeProbe(dir, a));
  if (refused !== undefined) return [unwritable(place, statFd(dir), refused)];
  try {
    const found = [there(place, statFd(dir)), caseFolding(place, dir, a), clock(place, statAt(dir, a))];
    if (kind === 'input' || kind === 'work') found.push(lease(place, dir, a));
    if (kind !== 'state') found.push(renames(place, dir, a, b));
    return found;
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return [fail(name, `${path} cannot be used (${code})`, 'look at the kernel log and the disk')];
  } finally {
    removeProbes(dir, a, b);
  }
}

function unwritable({ name, kind, path, future }: Place, stat: Stat, code: string): Finding {
  const why: Record<string, string> = {
    EROFS: 'mount it read-write',
    ENOSPC: 'free space or inodes there',
    EDQUOT: 'raise the quota or free space',
  };
  const owner = `owner ${stat.uid}:${stat.gid}, mode ${stat.mode.toString(8)}, this user is ${process.geteuid?.()}`;
  if (future !== undefined) {
    const above = dirname(future) === path ? 'its parent' : 'above it,';
    const what = `${future} does not exist; ${above} ${path} cannot be written by this user (${code}; ${owner})`;
    return fail(name, what, why[code] ?? `run: ${makes(kind, future)}`);
  }
  const need = kind === 'input' ? 'files are renamed out of it' : 'it is written to';
  return fail(
    name,
    `${path} cannot be written (${code}; ${owner}), and ${need}`,
    why[code] ?? 'give this user write permission on it, or run as its owner',
  );
}

/** The directory can be written, or made in its parent. */
function there({ name, kind, path, future }: Place, stat: Stat): Finding {
  // A start makes only the last part of a work directory.
  if (future !== undefined && kind === 'work' && dirname(future) !== path)
    return fail(name, `${future} does not exist, and its parent does not either`, `run: ${makes(kind, future)}`);
  if (future !== undefined) return ok(name, `${future} does not exist yet: the first start makes it`);
  const uid = process.geteuid?.() ?? 0;
  const who = `owner ${stat.uid}:${stat.gid}, mode ${stat.mode.toString(8)}`;
  if (kind === 'input' && (stat.mode & 0o1000) !== 0 && uid !== 0 && stat.uid !== uid) {
    return warn(
      name,
      `${path} is sticky (${who}): files of other users cannot be renamed out of it`,
      'run as root or as its owner, or chmod -t it',
    );
  }
  return ok(name, `${path} can be written (${who})`);
}

function caseFolding({ name, kind, path }: Place, dir: number, probe: ByteName): Finding {
  if (!statAtOrNone(dir, probe.toUpperCase() as ByteName)) return ok(name, `${path} distinguishes A.csv and a.csv`);
  const follows =
    kind === 'input' ? 'a.csv replaces A.csv before it is seen' : 'the second of A.csv and a.csv gets the name a~2.csv';
  return warn(
    name,
    `${path} folds case: ${follows}`,
    'use a directory without case folding (chattr -F), if names differ by case alone',
  );
}

function clock({ name, path }: Place, probe: Stat): Finding {
  const skewMs = Number(probe.mtimeNs / 1_000_000n) - Date.now();
  if (Math.abs(skewMs) <= SKEW_MAX_MS) return ok(name, `the clock of ${path} is ours`);
  return warn(
    name,
    `the clock of ${path} is ${Math.round(skewMs / 1000)} s away from ours; windows are not touched by that`,
    'set both hosts by NTP',
  );
}

function lease({ name, path }: Place, dir: number, probe: ByteName): Finding {
  return withFd(openData(dir, probe), (reader) => {
    const alone = probeLease(reader);
    const beside = withFd(openAt(dir, probe, O.WRONLY | O.NOFOLLOW), () => probeLease(reader));
    if (alone === 'free' && beside === 'writer')
      return ok(name, `leases show writers in ${path}, but not those of other hosts, if it is exported over NFSv3`);
    return warn(
      name,
      `leases show nothing in ${path} (${alone}, and beside a writer ${beside}): each file is copied after a second window`,
      'use ext4, xfs or btrfs; see that fs.leases-enable is 1',
    );
  });
}

/** The same question as at a start, which asks it when it makes the marker. */
function renames({ name, path }: Place, dir: number, a: ByteName, b: ByteName): Finding {
  const way = safeRenameAt({ dir, name: a }, { dir, name: b });
  if (typeof way === 'object') {
    const { what, remedy } = noSafeRename(filesystemOf(dir), way);
    return fail(name, `${path} ${what}`, remedy);
  }
  makeProbe(dir, b);
  const came = deliver({ dir, name: a }, { dir, name: b });
  if (came !== 'exists')
    return fail(
      name,
      `a rename in ${path} overwrites what is there`,
      'use another filesystem: ext4, xfs, btrfs, tmpfs',
    );
  return way === 'rename'
    ? ok(name, `a rename in ${path} never overwrites`)
    : ok(name, `${path} knows no rename that never overwrites, so a file gets its name by a link there`);
}

function room({ name, path }: Place): Finding {
  const { bsize, bavail, blocks, ffree, files } = statfsSync(path);
  const [free, all] = [bavail * bsize, blocks * bsize];
  // A filesystem without a fixed number of inodes reports 0 of 0.
  const inodes = files === 0 ? '' : `, ${ffree.toLocaleString('en')} inodes`;
  const what = `${shownBytes(free)} of ${shownBytes(all)} free${inodes} in ${path}`;
  if (free === 0 || (files > 0 && ffree === 0)) return fail(name, what, 'free space or inodes there');
  const isFew = free < Math.min(SPACE_FEW_BYTES, all * SHARE_FEW);
  if (isFew || (files > 0 && ffree < Math.min(INODES_FEW, files * SHARE_FEW)))
    return warn(name, `only ${what}`, 'free some, before work pauses for it');
  return ok(name, what);
}

/**
 * `seal`: a rename is required. `move`: a copy is possible. It tries a rename, because two mounts of one filesystem refuse it as well.
 */
export function checkPair(about: string, from: string, to: string, act: 'seal' | 'move'): Finding {
  const name = probeName();
  let isAcross = false;
  const code = codeOf(() =>
    withRoot(from, (a) =>
      withRoot(to, (b) => {
        makeProbe(a, name);
        const [probe, there] = [
          { dir: a, name },
          { dir: b, name },
        ];
        try {
          if (act === 'seal') moveOwn(probe, there);
          else isAcross = deliver(probe, there) === 'across';
        } finally {
          removeProbes(a, name);
          removeProbes(b, name);
        }
      }),
    ),
  );
  if (code === undefined && !isAcross) return ok(about, 'one filesystem: a move is one rename, and the inode stays');
  if (code !== undefined && code !== 'EXDEV')
    return fail(about, `a file cannot be moved (${code})`, 'correct the permissions of both');
  return act === 'seal'
    ? fail(
        about,
        'another filesystem or mount, and a file is sealed by a rename',
        'name a --work-dir on the mount of --input',
      )
    : ok(
        about,
        'another filesystem or mount: each file is copied, compared and synced, and needs its room twice meanwhile',
      );
}
