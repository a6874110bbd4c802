/**
 * The rules that decide when a file in the input is complete, as one pure function: verify-complete acts on its answer,
 * `explain` and `--dry-run` show it.
 * The window runs on our own clock. The age of an mtime says nothing: `cp -p` and `rsync -t` keep old times.
 * Does not: read the disk. The caller passes the stat and the state of the sidecar.
 */
import type { FeedOptions } from '../../base/config/options.js';
import type { Stat } from '../../linux/index.js';
import type { Observation } from './facts.js';
import { hasPartialSign, unchanged } from './verified.js';

/** The state of the sidecar: missing, open for writing, not readable by us, or there (`ctimeNs`: its last change). */
export type SidecarSeen =
  | { kind: 'missing' }
  | { kind: 'open' }
  | { kind: 'unreadable'; code: string }
  | { kind: 'there'; ctimeNs: bigint; hasChecksum: boolean };

export type Completion =
  | { complete: true }
  /** `seen`: the window starts again with this observation. `inMs`: when the next check is due. */
  | { complete: false; why: WaitReason; inMs: number; seen?: Observation };

export type WaitReason =
  | 'window'
  | 'changed'
  | 'no_sidecar'
  | 'sidecar_open'
  | 'sidecar_unreadable'
  | 'partial_upload'
  | 'writer_open';

export interface Now {
  /** Boot-clock ms. */
  ms: number;
  boot: string;
}

/** An event or a scan reports a sidecar that arrives. This is only the longest time without a check. */
const NO_SIDECAR_MS = 24 * 3_600_000;
export const SIDECAR_OPEN_MS = 250;

/** The longest window of a feed, ms. A file that changed within it is not sealed. */
export const stabilityMs = (feed: FeedOptions): number => Math.max(feed.stabilitySeconds * 1_000, feed.quietMs);

export function completion(
  feed: FeedOptions,
  seen: Observation,
  stat: Stat,
  sidecar: SidecarSeen,
  now: Now,
): Completion {
  const identity = unchanged(seen.identity, stat);
  let since = seen.sinceMs;
  if (!identity || seen.boot !== now.boot) {
    const fresh: Observation = {
      identity: observed(stat),
      sinceMs: now.ms,
      boot: now.boot,
      by: identity ? 'scan' : 'write',
    };
    const next = unchangedMs(feed, fresh, stat, sidecar);
    const isDelayed = next > ordinaryMs(feed, fresh, stat, sidecar);
    const why = sidecarWait(feed, sidecar) ?? (isDelayed ? 'partial_upload' : identity ? 'window' : 'changed');
    if (next > 0 || why !== 'window') return { complete: false, why, inMs: waitMs(why, next), seen: fresh };
    // There is nothing to wait for. A time on another clock means nothing here.
    since = now.ms;
  }
  const why = sidecarWait(feed, sidecar);
  if (why !== undefined) return { complete: false, why, inMs: waitMs(why, 0) };
  const quiet = unchangedMs(feed, seen, stat, sidecar);
  const leftMs = since + quiet - now.ms;
  if (leftMs <= 0) return { complete: true };
  const isDelayed = quiet > ordinaryMs(feed, seen, stat, sidecar);
  return { complete: false, why: isDelayed ? 'partial_upload' : 'window', inMs: Math.ceil(leftMs) };
}

/** How long the file must have been unchanged. */
export const unchangedMs = (feed: FeedOptions, seen: Observation, stat: Stat, sidecar: SidecarSeen): number =>
  Math.max(ordinaryMs(feed, seen, stat, sidecar), partialMs(feed, stat, sidecar));

/** The window for a file that looks like a cut upload. A checksum overrides this sign: hash compares it with the bytes. */
function partialMs(feed: FeedOptions, stat: Stat, sidecar: SidecarSeen): number {
  const isVouched = sidecar.kind === 'there' && sidecar.hasChecksum;
  return hasPartialSign(stat) && !isVouched ? (feed.partialUploadSeconds ?? 0) * 1_000 : 0;
}

function ordinaryMs(feed: FeedOptions, seen: Observation, stat: Stat, sidecar: SidecarSeen): number {
  if (feed.mode === 'stability') return windowMs(feed, seen);
  // A sidecar older than its file may belong to an earlier file of that name: then the window decides too.
  return sidecar.kind === 'there' && sidecar.ctimeNs < stat.ctimeNs ? windowMs(feed, seen) : quietMs(feed, seen);
}

/** The shorter window of a file whose sidecar is newer than the file, ms. */
export const quietMs = (feed: FeedOptions, { by }: Pick<Observation, 'by'>): number =>
  by === 'rename' ? 0 : feed.quietMs;

/** The stability window of a file, ms. */
export const windowMs = (feed: FeedOptions, seen: Pick<Observation, 'by'>): number =>
  Math.max(feed.stabilitySeconds * 1_000, quietMs(feed, seen));

/** The earliest time, in ms from now, at which a file that was just seen can be complete. `hasSidecar`: in sidecar mode only. */
export function dueInMs(feed: FeedOptions, seen: Pick<Observation, 'by'>, hasSidecar: boolean | undefined): number {
  if (feed.mode === 'stability') return windowMs(feed, seen);
  return hasSidecar ? quietMs(feed, seen) : NO_SIDECAR_MS;
}

function sidecarWait(feed: FeedOptions, sidecar: SidecarSeen): WaitReason | undefined {
  if (feed.mode !== 'sidecar') return undefined;
  if (sidecar.kind === 'missing') return 'no_sidecar';
  if (sidecar.kind === 'unreadable') return 'sidecar_unreadable';
  return sidecar.kind === 'open' ? 'sidecar_open' : undefined;
}

function waitMs(why: WaitReason, windowMs: number): number {
  if (why === 'no_sidecar') return NO_SIDECAR_MS;
  return why === 'sidecar_open' ? SIDECAR_OPEN_MS : windowMs;
}

const observed = (s: Stat): string => `${s.dev}:${s.ino}:${s.size}:${s.mtimeNs}:${s.ctimeNs}`;
