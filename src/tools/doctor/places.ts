/** Checks one directory: filesystem, permissions, leases, renames, names, free space and clock. */
import { closeSync, statfsSync } from 'node:fs';
import { shownBytes } from '../../base/telemetry/safe.js';
import { errnoOf, type PlaceKind } from '../../files/place-error.js';
import {
  type ByteName,
  fsKindOf,
  O,
  openAt,
  openData,
  probeLease,
  renameNoReplace,
  type Stat,
  statAt,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';
import { codeOf, makeProbe, probeName, removeProbes, withRoot } from './probe.js';
import { type Finding, fail, ok, warn } from './words.js';

export interface Place {
  /** The name in the finding. */
  name: string;
  kind: PlaceKind;
  path: string;
  /** True if `path` is the parent of a directory that does not exist yet. */
  shown?: string;
}

const SPACE_FEW_BYTES = 1 << 30;
const INODES_FEW = 10_000;
const SKEW_MAX_MS = 2_000;

export function* checkPlace(place: Place): Generator<Finding> {
  const { name, path, shown = path } = place;
  let found: Finding[];
  try {
    found = withRoot(path, (dir) => [filesystem(place, dir), ...withProbe(place, dir), room(place)]);
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    found = [
      fail(
        name,
        `${shown} cannot be looked at (${code})`,
        'run as the user that ingest runs as, or correct its permissions',
      ),
    ];
  }
  yield* found;
}

function filesystem({ name, kind, path, shown = path }: Place, dir: number): Finding {
  const { name: fs, network, leasesMeaningful } = fsKindOf(dir);
  if (kind === 'state' && network)
    return fail(name, `${shown} is on ${fs}, where locks cannot be relied on`, 'name a --state-path on a local disk');
  if (kind === 'input' && network) {
    return warn(
      name,
      `${shown} is on ${fs}: no events come from other hosts and no lease sees their writers, so it is scanned every 5 s and each file is copied after a second window`,
      'run ingest on the host that has the disk, if that is too slow',
    );
  }
  if ((kind === 'input' || kind === 'work') && !leasesMeaningful) {
    return warn(
      name,
      `${shown} is on ${fs}, where leases say nothing: each file is copied after a second window`,
      'use ext4, xfs or btrfs, if that is too slow',
    );
  }
  return ok(name, `${shown} is on ${fs}`);
}

/** All checks that need a probe file. */
function withProbe(place: Place, dir: number): Finding[] {
  const { name, kind, path, shown = path } = place;
  const [a, b] = [probeName(), probeName()];
  const refused = codeOf(() => makeProbe(dir, a));
  if (refused !== undefined) return [unwritable(place, statFd(dir), refused)];
  try {
    const found = [ownership(place, statFd(dir)), caseFolding(place, dir, a), clock(place, statAt(dir, a))];
    if (kind === 'input' || kind === 'work') found.push(lease(place, dir, a));
    if (kind !== 'state') found.push(renames(place, dir, a, b));
    return found;
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return [fail(name, `${shown} cannot be used (${code})`, 'look at the kernel log and the disk')];
  } finally {
    removeProbes(dir, a, b);
  }
}

function unwritable({ name, kind, path, shown = path }: Place, stat: Stat, code: string): Finding {
  const why: Record<string, string> = {
    EROFS: 'mount it read-write',
    ENOSPC: 'free space or inodes there',
    EDQUOT: 'raise the quota or free space',
  };
  const owner = `owner ${stat.uid}:${stat.gid}, mode ${stat.mode.toString(8)}, this user is ${process.geteuid?.()}`;
  const need = kind === 'input' ? 'files are renamed out of it' : 'it is written to';
  return fail(
    name,
    `${shown} cannot be written (${code}; ${owner}), and ${need}`,
    why[code] ?? 'give this user write permission on it, or run as its owner',
  );
}

function ownership({ name, kind, path, shown = path }: Place, stat: Stat): Finding {
  const uid = process.geteuid?.() ?? 0;
  const who = `owner ${stat.uid}:${stat.gid}, mode ${stat.mode.toString(8)}`;
  if (kind === 'input' && (stat.mode & 0o1000) !== 0 && uid !== 0 && stat.uid !== uid) {
    return warn(
      name,
      `${shown} is sticky (${who}): files of other users cannot be renamed out of it`,
      'run as root or as its owner, or chmod -t it',
    );
  }
  return ok(name, `${shown} can be written (${who})`);
}

function caseFolding({ name, kind, path, shown = path }: Place, dir: number, probe: ByteName): Finding {
  if (!statAtOrNone(dir, probe.toUpperCase() as ByteName)) return ok(name, `${shown} distinguishes A.csv and a.csv`);
  const follows =
    kind === 'input' ? 'a.csv replaces A.csv before it is seen' : 'the second of A.csv and a.csv gets the name a~2.csv';
  return warn(
    name,
    `${shown} folds case: ${follows}`,
    'use a directory without case folding (chattr -F), if names differ by case alone',
  );
}

function clock({ name, path, shown = path }: Place, probe: Stat): Finding {
  const skewMs = Number(probe.mtimeNs / 1_000_000n) - Date.now();
  if (Math.abs(skewMs) <= SKEW_MAX_MS) return ok(name, `the clock of ${shown} is ours`);
  return warn(
    name,
    `the clock of ${shown} is ${Math.round(skewMs / 1000)} s away from ours; windows are not touched by that`,
    'set both hosts by NTP',
  );
}

function lease({ name, path, shown = path }: Place, dir: number, probe: ByteName): Finding {
  const reader = openData(dir, probe);
  try {
    const alone = probeLease(reader);
    const writer = openAt(dir, probe, O.WRONLY | O.NOFOLLOW);
    const beside = probeLease(reader);
    closeSync(writer);
    if (alone === 'free' && beside === 'writer') return ok(name, `leases show writers in ${shown}`);
    return warn(
      name,
      `leases show nothing in ${shown} (${alone}, and beside a writer ${beside}): each file is copied after a second window`,
      'use ext4, xfs or btrfs; see that fs.leases-enable is 1',
    );
  } finally {
    closeSync(reader);
  }
}

function renames({ name, path, shown = path }: Place, dir: number, a: ByteName, b: ByteName): Finding {
  const first = codeOf(() => renameNoReplace(dir, a, dir, b));
  if (first !== undefined)
    return fail(
      name,
      `${shown} knows no rename without overwrite (${first})`,
      'use a filesystem that does: ext4, xfs, btrfs, tmpfs',
    );
  makeProbe(dir, a);
  const second = codeOf(() => renameNoReplace(dir, a, dir, b));
  if (second === 'EEXIST') return ok(name, `a rename in ${shown} never overwrites`);
  return fail(
    name,
    `a rename in ${shown} overwrites what is there`,
    'use a filesystem that honours RENAME_NOREPLACE: ext4, xfs, btrfs, tmpfs',
  );
}

function room({ name, path, shown = path }: Place): Finding {
  const { bsize, bavail, blocks, ffree, files } = statfsSync(path);
  const free = bavail * bsize;
  // A filesystem without a fixed number of inodes reports 0 of 0.
  const inodes = files === 0 ? '' : `, ${ffree.toLocaleString('en')} inodes`;
  const what = `${shownBytes(free)} of ${shownBytes(blocks * bsize)} free${inodes} in ${shown}`;
  if (free === 0 || (files > 0 && ffree === 0)) return fail(name, what, 'free space or inodes there');
  if (free < SPACE_FEW_BYTES || (files > 0 && ffree < INODES_FEW))
    return warn(name, `only ${what}`, 'free some, before work pauses for it');
  return ok(name, what);
}
