/**
 * The life of a process that a parent spawned: it takes the role that the first message names, drains, stops, ends.
 * Guarantees: it dies with its parent, also while it is stopped, and opens nothing before that is so; it drains and
 * stops by the channel alone, because a terminal and systemd send their signals to parent and child both.
 * Does not: do the role's work.
 */
import { asOperatorError, EXIT } from '../../base/errors.js';
import type { RunRole } from '../../base/process/context.js';
import type { ChildMessage, Init, ParentMessage, Role } from '../../base/process/protocol.js';
import { threadsLoaded } from '../../base/process/threads.js';
import { bunyanSubscriber } from '../../base/telemetry/bunyan.js';
import { emit, subscribe } from '../../base/telemetry/emit.js';
import type { Level } from '../../base/telemetry/event-spec.js';
import { stderr } from '../../base/telemetry/line-writer.js';
import { terminalSubscriber } from '../../base/telemetry/terminal.js';
import { setParentDeathSignal } from '../../linux/index.js';
import { giveWay } from './priority.js';
import { ENDING } from './signals.js';

const drain = new AbortController();
let fail!: (error: unknown) => void;
const drained = new Promise<void>((resolve, reject) => {
  drain.signal.addEventListener('abort', () => resolve(), { once: true });
  fail = reject;
});
// It may be raised when nobody waits any more.
drained.catch(() => undefined);
const clearSlot: (() => void)[] = [];

/** Called once, by the program that the parent spawns. `roleOf` loads a role's module when it is known which. */
export function liveAsChild(roleOf: (role: Role) => Promise<RunRole>): void {
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
  // The parent may have died before the line above: then the signal never comes.
  if (process.ppid !== init.parentPid) dieNow();
  process.title = titleOf(init);
  const level = init.config.service.logLevel as Level;
  const common = init.role === 'worker' ? { stages: init.stages } : {};
  subscribe(
    init.logs === 'lines' ? terminalSubscriber(level) : bunyanSubscriber(level, { role: init.role, ...common }),
  );
  giveWay(init.role, emit);
  try {
    const run = await roleOf(init.role);
    await run({
      config: init.config,
      stages: init.stages,
      terminal: init.logs === 'lines',
      report: (message) => void tell(message),
      drainSignal: drain.signal,
      drained,
      fail,
      onStop: (clear) => void clearSlot.push(clear),
      emit,
    });
    await tell({ kind: 'returned' });
    await threadsLoaded();
    process.exit(EXIT.done);
  } catch (error) {
    await endWith(error);
  }
}

const titleOf = ({ role, stages }: Init): string =>
  role === 'worker' ? `atomic-ingestor: worker ${stages.join(' ')}` : `atomic-ingestor: ${role}`;

function tell(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) resolve();
    else process.send!(message, undefined, {}, () => resolve());
  });
}

let ending = false;

/** An operator's error is told by the parent, once for all children; a bug shows its stack here. */
async function endWith(error: unknown): Promise<void> {
  if (ending) return;
  ending = true;
  const told = asOperatorError(error);
  if (told) await tell({ kind: 'fatal', code: told.code, message: told.message, exitCode: told.exitCode });
  else stderr.put(Buffer.from(`${error instanceof Error ? error.stack : String(error)}\n`));
  await threadsLoaded();
  process.exit(told?.exitCode ?? EXIT.bug);
}

function stopNow(): void {
  for (const clear of clearSlot) {
    try {
      clear();
    } catch (error) {
      stderr.put(Buffer.from(`${(error as Error).stack}\n`));
    }
  }
  dieNow();
}

/** Not process.exit: it waits for a system call that hangs on a pool thread. */
function dieNow(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable after SIGKILL');
}
