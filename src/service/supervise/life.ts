/**
 * The life of a child process: it takes the role in the first message, works, drains, stops, ends.
 * Guarantees: it dies with its parent, also while it is stopped by a signal, and opens nothing before this is set up. It drains
 * and stops by messages of the parent alone, because a terminal and systemd send their signals to both processes.
 * Does not: do the role's work.
 */

import { constants, getPriority, setPriority } from 'node:os';
import { asOperatorError, EXIT } from '../../base/errors.js';
import type { RunRole } from '../../base/process/context.js';
import type { ChildMessage, Init, ParentMessage, Role } from '../../base/process/protocol.js';
import { threadsLoaded } from '../../base/process/threads.js';
import { emit } from '../../base/telemetry/emit.js';
import type { Level } from '../../base/telemetry/events.js';
import { beginLog } from '../../base/telemetry/log.js';
import { hearWarnings, tellBug } from '../../base/telemetry/tell.js';
import { setParentDeathSignal } from '../../linux/index.js';
import { ENDING } from './signals.js';

const drain = new AbortController();
const { promise: drained, resolve, reject: fail } = Promise.withResolvers<void>();
drain.signal.addEventListener('abort', () => resolve(), { once: true });
// The signal may arrive when nobody waits any more.
drained.catch(() => undefined);
const clearSlot: (() => void)[] = [];

/** Called once by the child's program. `roleOf` loads the module of the role that the parent names. */
export function liveAsChild(roleOf: (role: Role) => Promise<RunRole>): void {
  hearWarnings();
  for (const signal of ENDING) process.on(signal, ignored);
  process.on('disconnect', dieNow);
  process.on('message', (message: ParentMessage) => {
    if (message.kind === 'init') void live(message, roleOf);
    else if (message.kind === 'drain') drain.abort();
    else stopNow();
  });
  process.on('uncaughtException', endWith);
  process.on('unhandledRejection', endWith);
}

function ignored(): void {}

async function live(init: Init, roleOf: (role: Role) => Promise<RunRole>): Promise<void> {
  setParentDeathSignal('SIGKILL');
  // If the parent died before the line above, the signal never comes.
  if (process.ppid !== init.parentPid) dieNow();
  process.title = titleOf(init);
  const level = init.config.service.logLevel as Level;
  const common = init.role === 'worker' ? { stages: init.stages } : {};
  beginLog(init.logs, level, { role: init.role, ...common }, init.config.service.shell);
  giveWay(init.role);
  try {
    const run = await roleOf(init.role);
    await run({
      config: init.config,
      stages: init.stages,
      terminal: init.logs === 'lines',
      report: (message) => void send(message),
      drainSignal: drain.signal,
      drained,
      fail,
      onStop: (clear) => void clearSlot.push(clear),
      emit,
    });
    await send({ kind: 'returned' });
    await threadsLoaded();
    process.exit(EXIT.done);
  } catch (error) {
    await endWith(error);
  }
}

const titleOf = ({ role, stages }: Init): string =>
  role === 'worker' ? `atomic-ingestor: worker ${stages.join(' ')}` : `atomic-ingestor: ${role}`;

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) resolve();
    else process.send!(message, undefined, {}, () => resolve());
  });
}

let ending = false;

/** The parent prints an operator's error, once for all children. A bug prints its stack here. */
async function endWith(error: unknown): Promise<void> {
  if (ending) return;
  ending = true;
  const known = asOperatorError(error);
  if (known) await send({ kind: 'fatal', code: known.code, message: known.message, exitCode: known.exitCode });
  else tellBug(error);
  await threadsLoaded();
  process.exit(known?.exitCode ?? EXIT.bug);
}

function stopNow(): void {
  for (const clear of clearSlot) {
    try {
      clear();
    } catch (error) {
      tellBug(error);
    }
  }
  dieNow();
}

/** Not process.exit, which waits for a system call that hangs in a pool thread. */
function dieNow(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable after SIGKILL');
}

/**
 * The scheduling priority of each role when all cores are busy: first what people wait for, then the files in the queue, then
 * the search for more files. Nice values, added to the parent's own. Measured: files dropped while a producer enqueued 60,000 others. The slowest 1 % of
 * them waited 390 ms when worker and producer had equal priority, and 290 ms when the producer's nice value was 5 more. Workers
 * give way to the dashboard, the commands and the writers of files. The kernel compares priorities only within one control
 * group, so a systemd service is as fast as before beside other services.
 */
const NICER: Record<Role, number> = { dashboard: 0, worker: 5, producer: 10, notifier: 10 };

/** Sets the priority of this thread and all that it starts. A hardened service may not be allowed to (systemd's `@resources`); it is then left unchanged. */
function giveWay(role: Role): void {
  if (NICER[role] === 0) return;
  try {
    setPriority(Math.min(getPriority() + NICER[role], constants.priority.PRIORITY_LOW));
  } catch (error) {
    emit('priority_refused', { reason: (error as Error).message });
  }
}
