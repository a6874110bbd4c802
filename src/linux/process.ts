/** What a child asks of the kernel about its own end. Source: prctl(2), PR_SET_PDEATHSIG. */
import { constants } from 'node:os';
import { LinuxError } from './error.js';
import { errno, prctl } from './libc.js';

const PR_SET_PDEATHSIG = 1;

/**
 * The kernel sends `signal` to this process when the *thread* that spawned it ends. A change of uid forgets it, and a
 * parent that died before this call is not noticed: compare `process.ppid` afterwards.
 */
export function setParentDeathSignal(signal: NodeJS.Signals): void {
  if (prctl(PR_SET_PDEATHSIG, 'unsigned long', constants.signals[signal]) < 0) throw new LinuxError('prctl', errno());
}
