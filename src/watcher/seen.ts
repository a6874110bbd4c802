/** What a look at a path sees, on Linux and elsewhere. */
import type { ByteName } from '../linux/names.js';
import type { Seen } from './picture.js';

export interface Looker {
  /** Undefined: nothing lies there. Never follows a symlink. Errors: with a `code`, as the system spells it. */
  look(path: ByteName): Seen | undefined;
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
