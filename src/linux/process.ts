/**
 * Asks the kernel about this process: a signal when its parent ends, and its limits. Source: prctl(2),
 * PR_SET_PDEATHSIG; proc_pid_limits(5); setrlimit(2), RLIMIT_DATA; proc_pid_status(5), VmData.
 */
import { readFileSync } from 'node:fs';
import { constants, userInfo } from 'node:os';
import { LinuxError } from './error.js';
import { _exit, errno, prctl, setrlimit, sigaction } from './libc.js';

const PR_SET_PDEATHSIG = 1;
const RLIMIT_DATA = 2;
const KIB = 1_024n;

/**
 * The kernel sends `signal` to this process when the *thread* that spawned it ends. A change of uid cancels it, and a
 * parent that died before this call is not noticed: compare `process.ppid` afterwards.
 */
export function setParentDeathSignal(signal: NodeJS.Signals): void {
  if (prctl(PR_SET_PDEATHSIG, 'unsigned long', constants.signals[signal]) < 0) throw new LinuxError('prctl', errno());
}

const SIG_IGN = 1n;
/** struct sigaction begins with the handler; 152 bytes on x64 and arm64. */
const SIGACTION_BYTES = 152;

/** Whether the kernel drops this signal for this process, with no handler asked. Source: sigaction(2). */
export function isIgnored(signal: NodeJS.Signals): boolean {
  const now = Buffer.alloc(SIGACTION_BYTES);
  if (sigaction(constants.signals[signal], null, now) < 0) throw new LinuxError('sigaction', errno());
  return now.readBigUInt64LE(0) === SIG_IGN;
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
 * Limits the memory that this process takes from now on. The kernel counts address space: Node 24 has reserved about 560 MiB of it
 * when it starts, and uses 50 MiB. So the limit is relative. Errors: throws where /proc is missing.
 */
export function limitFurtherData(bytes: number): void {
  const [, kib] = /^VmData:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))!;
  const limit = BigInt(kib!) * KIB + BigInt(bytes);
  if (setrlimit(RLIMIT_DATA, new Uint8Array(BigUint64Array.of(limit, limit).buffer)) < 0)
    throw new LinuxError('setrlimit', errno());
}

/**
 * Ends this process at once, also while a call of one of its threads hangs: `process.exit` waits for the threads of Node's pool,
 * so a dead mount would keep the process for ever. Nothing is flushed.
 */
export const endNow = (code: number): never => _exit(code);

/** The name of the user that this process acts as, or its number where the system has no name for it (in a container). */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid!());
  }
}
