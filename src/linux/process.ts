/**
 * Asks the kernel about this process: a signal when its parent ends, and its limits. Source: prctl(2),
 * PR_SET_PDEATHSIG; proc_pid_limits(5).
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { LinuxError } from './error.js';
import { _exit, errno, prctl } from './libc.js';

const PR_SET_PDEATHSIG = 1;

/**
 * The kernel sends `signal` to this process when the *thread* that spawned it ends. A change of uid cancels it, and a
 * parent that died before this call is not noticed: compare `process.ppid` afterwards.
 */
export function setParentDeathSignal(signal: NodeJS.Signals): void {
  if (prctl(PR_SET_PDEATHSIG, 'unsigned long', constants.signals[signal]) < 0) throw new LinuxError('prctl', errno());
}

let descriptors: number | undefined;

/**
 * The number of descriptors that this process may have open. Node raises its soft limit to the hard limit when it
 * starts.
 */
export function descriptorsMax(): number {
  descriptors ??= Number(
    /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.POSITIVE_INFINITY,
  );
  return descriptors;
}

/**
 * Ends this process at once, also while a call of one of its threads hangs: `process.exit` waits for the threads of Node's pool,
 * so a dead mount would keep the process for ever. Nothing is flushed.
 */
export const endNow = (code: number): never => _exit(code);
