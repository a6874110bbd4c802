/**
 * Compares a copy with its source by their stats.
 */
import type { Stat } from '../../linux/index.js';

/** Only root can keep owners, so for other users a different owner is not a difference. */
const keepsOwner = process.geteuid?.() === 0;

export class Compare {
  /** `stepNs`: the resolution of times in DEST (1 ns on ext4 and xfs, 2 s on vfat). */
  constructor(readonly stepNs: bigint) {}

  sameTime = (source: Stat, dest: Stat): boolean => this.#floor(source.mtimeNs) === this.#floor(dest.mtimeNs);

  /** The quick check of files: size and mtime. */
  sameFile = (source: Stat, dest: Stat): boolean =>
    dest.kind === 'file' && source.size === dest.size && this.sameTime(source, dest);

  /** Mode, owner and times. */
  sameAttributes = (source: Stat, dest: Stat): boolean =>
    (source.kind === 'symlink' || source.mode === dest.mode) &&
    (!keepsOwner || (source.uid === dest.uid && source.gid === dest.gid)) &&
    this.sameTime(source, dest);

  #floor(ns: bigint): bigint {
    const rest = ((ns % this.stepNs) + this.stepNs) % this.stepNs;
    return ns - rest;
  }
}

const STEPS_NS = [1n, 100n, 1_000n, 1_000_000n, 1_000_000_000n, 2_000_000_000n];

/** The resolution that turned the time `asked` into `kept`. */
export const stepOf = (asked: bigint, kept: bigint): bigint =>
  STEPS_NS.find((step) => asked - (asked % step) === kept) ?? STEPS_NS.at(-1)!;
