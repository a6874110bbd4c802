/**
 * Reads the state of a process that a test started.
 */
import { readFileSync } from 'node:fs';

/** True while it is stopped by a signal. */
export function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}
