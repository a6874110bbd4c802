/** What a look at a path sees, on Linux and elsewhere. */
import { release } from 'node:os';
import { fsKindOf } from '../../linux/filesystem.js';
import type { ByteName } from '../../linux/names.js';
import type { Seen } from './delivered-tree.js';

export interface Looker {
  /**
   * Undefined: nothing lies there. Never follows a symlink, but with `anew`, which goes through no directory that was opened before
   * and is for who knows what it expects. Errors: with a `code`, as the system spells it.
   */
  look(path: ByteName, anew?: boolean): Seen | undefined;
  /** Time has passed: directories may have moved. */
  forget(): void;
  /** Safe to call twice. */
  close(): void;
}

/** Another change within this time may leave the same times: a tick of the kernel's clock, or what a filesystem rounds to. */
const TICK_MS = 50;
const COARSE_TICK_MS = 2_000;

/** `ctimeMs` is the time of the last change; whole seconds speak of a filesystem that keeps no parts of them. */
export function isRacy(ctimeMs: number, nowMs = Date.now()): boolean {
  return nowMs - ctimeMs < (ctimeMs % 1_000 === 0 ? COARSE_TICK_MS : TICK_MS);
}

/** Filesystems on which a time that was asked for is never given to a later change (multigrain timestamps, Linux 6.13). */
const EXACT: ReadonlySet<string> = new Set(['ext4', 'xfs', 'btrfs', 'tmpfs']);

/** Whether two changes with a look between them always differ in ctime. `place`: of the filesystem, or a descriptor. */
export const timesAreExact = (place: ByteName | number): boolean => KERNEL_IS_EXACT && EXACT.has(fsKindOf(place).name);

/** `6.13.0-…` and later. */
export function isExactKernel(platform: string, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return platform === 'linux' && (major > 6 || (major === 6 && minor >= 13));
}

const KERNEL_IS_EXACT = isExactKernel(process.platform, release());
