/**
 * Checks, opens and claims everything a mirror works with. A refusal comes before anything was changed.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Folder,
  isWithin,
  realDirectory,
  realOrFuturePath,
  refuseOverlap,
  refuseWithin,
} from '../base/config/values/directories.js';
import { EnvironmentError, OperatorError } from '../base/errors.js';
import type { Emit } from '../base/telemetry/emit.js';
import { errnoOf } from '../files/place-error.js';
import { nameOfText, shownName } from '../linux/index.js';
import { checkDest, hasContent, markerIn, openRoot } from './trees/check-dest.js';
import { Compare } from './trees/compare.js';
import { Dest } from './trees/dest.js';
import { SourceMissing } from './trees/failures.js';
import type { Marker, SourceSeen } from './trees/marker.js';
import { overlapping } from './trees/overlap.js';
import { HIDDEN, Rules } from './trees/rules.js';
import { destError, sourceError } from './trees/sentences.js';
import { Source } from './trees/source.js';
import { type MirrorTotals, noTotals, type Passed, type ReplicateOptions } from './trees/types.js';

export interface Opened {
  source: Source;
  dest: Dest;
  rules: Rules;
  compare: Compare;
  totals: MirrorTotals;
  passed: Passed;
  emit: Emit;
  hiddenPath: string;
  /** Every change until then is in DEST. */
  sinceMs: number;
}

/**
 * Checks SOURCE and DEST, and changes nothing. `marker`, to be written: the earlier content of the marker, with the current identity
 * of SOURCE. Errors: OperatorError, EnvironmentError.
 */
export function checkBoth(options: ReplicateOptions): { marker: Marker & { sinceMs: number }; rules: Rules } {
  const { source, dest, adopt = false } = options;
  refuseOverlap({ origin: 'SOURCE', path: source }, { origin: 'DEST', path: dest });
  refuseSameTree(source, dest);
  if (options.changeLog !== undefined) refuseLogInside(options.changeLog, source, dest);
  const found = checkDest({ source, dest, adopt });
  // With --adopt, the remembered identity of SOURCE is dropped. The time is not: what changed since then is compared.
  const marker = adopt ? undefined : found;
  const rules = new Rules(options);
  try {
    const opened = new Source(options, rules, marker && seenIn(marker));
    const fd = opened.open();
    try {
      if ((options.delete ?? true) && hasContent(dest, rules)) opened.refuseEmpty(fd);
    } finally {
      closeSync(fd);
    }
    const nowMs = Date.now();
    const { sinceMs = nowMs } = found ?? {};
    // A time in the future was written before the clock was set back. Which changes it covers is unknown: each file is compared.
    return {
      marker: { ...marker, ...opened.seen!, version: 1, source, sinceMs: sinceMs > nowMs ? 0 : sinceMs },
      rules,
    };
  } catch (error) {
    throw error instanceof SourceMissing ? sourceError(source, error.code) : error;
  }
}

/**
 * Two paths can be one tree, through a bind mount. It would be copied into itself until the disk is full, or removed
 * with its copy.
 */
function refuseSameTree(source: string, dest: string): void {
  const both = overlapping(nameOfText(source), nameOfText(dest));
  if (both === undefined) return;
  throw new OperatorError(
    'folders_overlap',
    `SOURCE and DEST must be separate directories, but by a bind mount ${shownName(both.source)} (in SOURCE) and ${shownName(both.dest)} (in DEST) are one, or lie in one another; name two separate directories, or unmount it.`,
  );
}

/** In SOURCE, each write of the log would be an event to record in it. In DEST, the log would be removed. */
function refuseLogInside(changeLog: string, source: string, dest: string): void {
  const log = { origin: '--change-log', path: realOrFuturePath(changeLog) };
  refuseWithin(log, { origin: 'SOURCE', path: source });
  if (!isWithin(log.path, join(dest, shownName(HIDDEN)))) refuseWithin(log, { origin: 'DEST', path: dest });
}

export async function openReplica(options: ReplicateOptions): Promise<Opened> {
  const { marker, rules } = checkBoth(options);
  const { dest, emit = () => {} } = options;
  const claimed = await claim(dest, marker, emit);
  return {
    source: new Source(options, rules, seenIn(marker), (now) => claimed.remember(now)),
    dest: claimed,
    rules,
    compare: new Compare(BigInt(claimed.stepNs)),
    totals: noTotals(),
    passed: { files: 0, bytes: 0 },
    emit,
    hiddenPath: join(dest, shownName(HIDDEN)),
    sinceMs: marker.sinceMs,
  };
}

/** The remembered identity of SOURCE. */
const seenIn = ({ inode, birth, filesystem, mounted, mounts }: Marker): SourceSeen => ({
  inode,
  birth,
  filesystem,
  mounted,
  mounts,
});

async function claim(dest: string, marker: Marker, emit: Emit): Promise<Dest> {
  try {
    return await Dest.claim(dest, marker, emit);
  } catch (error) {
    const code = errnoOf(error);
    throw error instanceof OperatorError || code === undefined ? error : destError(dest, code);
  }
}

/**
 * The real paths of SOURCE and DEST as a caller gives them: two directories that exist. A missing SOURCE that DEST is a mirror of must be mounted or restored:
 * an empty directory that somebody makes there is another one. Errors: EnvironmentError.
 */
export function realDirectories(source: Folder, dest: Folder): { source: string; dest: string } {
  return { source: realSource(source, dest), dest: realDirectory(dest.origin, dest.path) };
}

function realSource(source: Folder, dest: Folder): string {
  try {
    return realDirectory(source.origin, source.path);
  } catch (error) {
    const isMissing = error instanceof EnvironmentError && error.code === 'directory_missing';
    const missing = realOrFuturePath(source.path);
    if (isMissing && mirroredBy(dest.path) === missing) throw sourceError(missing, 'ENOENT');
    throw error;
  }
}

function mirroredBy(dest: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openRoot(dest);
    return markerIn(fd)?.source;
  } catch {
    // Whatever is wrong with DEST, the caller hears of SOURCE first.
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
