/**
 * How much each role gives way where all cores are busy: people's looks go before the files that were
 * found, and these before the look for more of them.
 */
import { constants, getPriority, setPriority } from 'node:os';
import type { Role } from '../../base/process/protocol.js';
import type { Emit } from '../../base/telemetry/emit.js';

/**
 * Added to the priority that the parent runs with. Of files dropped while a producer brought in 60,000 others, the slowest
 * hundredth waited 390 ms for a worker of the producer's priority, and 290 where the producer's was 5 more. Workers give way
 * to what people wait for, the dashboard and the commands, and to whoever writes the files. The kernel compares priorities
 * within a control group only: a service of systemd is as quick beside others as before.
 */
const NICER: Record<Role, number> = { dashboard: 0, worker: 5, producer: 10, notifier: 10 };

/** For this thread and all that it starts. A hardened service may be forbidden to (systemd's `@resources`): then it shares. */
export function giveWay(role: Role, emit: Emit): void {
  if (NICER[role] === 0) return;
  try {
    setPriority(Math.min(getPriority() + NICER[role], constants.priority.PRIORITY_LOW));
  } catch (error) {
    emit('priority_refused', { reason: (error as Error).message });
  }
}
