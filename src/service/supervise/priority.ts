/**
 * The scheduling priority of each role when all cores are busy: first what people wait for, then the files in the queue, then
 * the search for more files.
 */
import { constants, getPriority, setPriority } from 'node:os';
import type { Role } from '../../base/process/protocol.js';
import type { Emit } from '../../base/telemetry/emit.js';

/**
 * Nice values, added to the parent's own. Measured: files dropped while a producer enqueued 60,000 others. The slowest 1 % of
 * them waited 390 ms when worker and producer had equal priority, and 290 ms when the producer's nice value was 5 more. Workers
 * give way to the dashboard, the commands and the writers of files. The kernel compares priorities only within one control
 * group, so a systemd service is as fast as before beside other services.
 */
const NICER: Record<Role, number> = { dashboard: 0, worker: 5, producer: 10, notifier: 10 };

/** Sets the priority of this thread and all that it starts. A hardened service may not be allowed to (systemd's `@resources`); it is then left unchanged. */
export function giveWay(role: Role, emit: Emit): void {
  if (NICER[role] === 0) return;
  try {
    setPriority(Math.min(getPriority() + NICER[role], constants.priority.PRIORITY_LOW));
  } catch (error) {
    emit('priority_refused', { reason: (error as Error).message });
  }
}
