/**
 * The boot clock. It counts from boot, runs on in suspend, and cannot be set by an operator.
 * Two readings can be compared only if `clockEpoch` is the same: a time namespace has an offset of its own.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { LinuxError } from './error.js';
import { clock_gettime, errno } from './libc.js';

const CLOCK_BOOTTIME = 7;
const spec = new BigInt64Array(2);
const specBytes = new Uint8Array(spec.buffer);

/** Returns milliseconds with their fraction. */
export function bootMs(): number {
  if (clock_gettime(CLOCK_BOOTTIME, specBytes) < 0) throw new LinuxError('clock_gettime', errno());
  return Number(spec[0]) * 1_000 + Number(spec[1]) / 1e6;
}

export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

export const clockEpoch = (): string => `${bootId()} ${timeNamespace()}`;

/** Example: `time:[4026531834]`. Empty on a kernel without time namespaces. */
function timeNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/time');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
