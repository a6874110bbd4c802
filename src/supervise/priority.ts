/**
 * How much each role gives way where all cores are busy: the files that were found go before the look for more of them.
 */
import { constants, getPriority, setPriority } from 'node:os';
import type { Emit } from '../telemetry/emit.js';
import type { Role } from './protocol.js';

/**
 * Added to the priority that the parent runs with. Of files dropped while a producer brought in 60,000 others, the slowest
 * hundredth waited 390 ms for a worker of the producer's priority, and 290 where the producer's was 5 more. Workers with 5
 * more than `queue-stat` made that a twelfth quicker (217 to 199 ms), and themselves slow wherever others are busy.
 */
const NICER: Record<Role, number> = { dashboard: 0, worker: 0, producer: 5, notifier: 5 };

/** For this thread and all that it starts. A hardened service may be forbidden to (systemd's `@resources`): then it shares. */
export function giveWay(role: Role, emit: Emit): void {
  if (NICER[role] === 0) return;
  try {
    setPriority(Math.min(getPriority() + NICER[role], constants.priority.PRIORITY_LOW));
  } catch (error) {
    emit('priority_refused', { reason: (error as Error).message });
  }
}
