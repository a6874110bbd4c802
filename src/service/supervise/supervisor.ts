/**
 * The parent of all children: starts them, restarts those that died, kills those without a heartbeat, drains and stops.
 * Guarantees: never opens the state, so it never waits for anything. `start`, `drain` and `stop` may be called twice. `done`
 * resolves when the last child has ended; one that SIGKILL does not end counts as ended, and is named.
 * Does not: restart a child that ended with 2 or 3 (an operator must act first), except for errors that pass by themselves;
 * kill a process of anybody else.
 */
import { fileURLToPath } from 'node:url';
import { firstInProgress } from '../../../queue/slot-text.js';
import type { Config } from '../../base/config/options.js';
import { limits } from '../../base/config/values/limits.js';
import { CATALOGUE, EXIT } from '../../base/errors.js';
import type { ChildMessage, Init, OnceDone, Role } from '../../base/process/protocol.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { inPackage } from '../../package.js';
import { ownersFiles, tickMsOf } from './heartbeats.js';
import { type ChildSpec, type Death, type Family, Supervised } from './supervised.js';

export interface SupervisorOptions {
  children: ChildSpec[];
  config: Config;
  logs: Init['logs'];
  emit: Emit;
  /** A program in place of bin/child.cjs, for tests. */
  childModule?: string;
  /** Receives the children's reports. */
  onReport?: (message: ChildMessage) => void;
  /** Called once, when every child has been at work. */
  onReady?: () => void;
  /** Called when it begins to drain or to stop; possibly twice. */
  onEnding?: () => void;
}

export interface Ended {
  exitCode: number;
  /** The sentence of the child that could not go on. */
  reason?: string;
  once?: OnceDone;
}

const CHILD_MODULE = fileURLToPath(inPackage('bin/child.cjs'));

export class Supervisor {
  readonly #done = Promise.withResolvers<Ended>();
  readonly done = this.#done.promise;
  readonly #children: Supervised[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #phase: 'new' | 'running' | 'draining' | 'stopping' | 'ended' = 'new';
  #isReady = false;
  #isMigrationTold = false;
  #failure: { exitCode: number; reason: string } | undefined;
  #once: OnceDone | undefined;
  #drainSinceMs = 0;

  constructor(private readonly options: SupervisorOptions) {
    const { config, logs, emit, childModule = CHILD_MODULE } = options;
    const family: Family = {
      ...{ childModule, config, logs, emit, owners: ownersFiles() },
      onMessage: (child, message) => this.#heard(child, message),
      onDeath: (child, death) => this.#died(child, death),
    };
    this.#children = options.children.map((spec) => new Supervised(spec, family));
  }

  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'running';
    for (const child of this.#children) child.spawn();
    const every = tickMsOf(this.options.config.service.stallSeconds * 1000);
    this.#timers.add(setInterval(() => this.#tick(), every));
  }

  /** Asks every child to finish its jobs in progress and end. */
  drain(): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'draining';
    this.options.onEnding?.();
    this.#drainSinceMs = performance.now();
    for (const child of this.#children) child.send({ kind: 'drain' });
    this.#timers.add(setInterval(() => this.#reportHanging(), limits.drainReportMs));
    this.#endWhenAlone();
  }

  /** Ends every child now. Jobs in progress go on after the next start, and count no crash. */
  stop(): void {
    if (this.#phase === 'stopping' || this.#phase === 'ended') return;
    this.#phase = 'stopping';
    this.options.onEnding?.();
    for (const child of this.#children) child.send({ kind: 'stop' });
    const kill = () => {
      for (const child of this.#children) child.kill();
    };
    this.#timers.add(setTimeout(kill, limits.stopGraceMs));
    this.#endWhenAlone();
  }

  #tick(): void {
    for (const child of this.#children) child.tick();
  }

  #heard(child: Supervised, message: ChildMessage): void {
    if (message.kind === 'once_done') {
      this.#once = message;
      this.drain();
    } else if (message.kind === 'migrates') {
      if (!this.#isMigrationTold) this.options.emit('state_migrates', {});
      this.#isMigrationTold = true;
    } else if (message.kind === 'ready') {
      if (this.#phase === 'draining') child.send({ kind: 'drain' });
      this.#notifyWhenReady();
    }
    this.options.onReport?.(message);
  }

  #notifyWhenReady(): void {
    if (this.#isReady || this.#children.some(({ wasEverReady }) => !wasEverReady)) return;
    this.#isReady = true;
    this.options.onReady?.();
  }

  #died(child: Supervised, death: Death): void {
    const code = death.fatal?.exitCode ?? death.code;
    const how = { worker: child.name, exit_code: code, signal: death.signal };
    const passes = this.#passes(child, death);
    if (this.#phase === 'running' && isDispensable(child)) {
      this.#restart(child, death, how, passes);
      return;
    }
    if ((code === EXIT.usage || code === EXIT.environment) && !(passes && this.#phase === 'running')) {
      // The program was replaced while it ran. A service manager starts the one that is installed now.
      const isReplaced = child.wasEverReady && death.fatal?.code === 'newer_database';
      const reason = death.fatal?.message ?? `the ${child.name} ended with code ${code}`;
      this.#fail(isReplaced ? EXIT.bug : code, reason);
      return;
    }
    if (this.#phase !== 'running') {
      const failed = code !== EXIT.done && death.wasReady && this.#phase === 'draining';
      if (failed) this.#failure ??= { exitCode: EXIT.bug, reason: `the ${child.name} died while it was draining` };
      this.options.emit(failed ? 'worker_lost' : 'worker_stopped', how);
      this.#endWhenAlone();
      return;
    }
    this.#restart(child, death, how, passes);
  }

  #fail(exitCode: number, reason: string): void {
    this.#failure ??= { exitCode, reason };
    this.drain();
    this.#endWhenAlone();
  }

  /** A full disk of the state, or a closed folder, fails a first start with a sentence. A service that already ran waits until it passes. */
  #passes(child: Supervised, { fatal, livedMs }: Death): boolean {
    if (fatal === undefined || CATALOGUE[fatal.code]?.retryable !== true) return false;
    return child.isRestarted || (child.wasEverReady && livedMs > limits.restartLongestMs);
  }

  #restart(child: Supervised, death: Death, how: Record<string, unknown>, passes: boolean): void {
    // A machine without memory for another process gets some later; a service that has run waits for it.
    const isForkRefused = death.code === null && death.signal === null && child.wasEverReady;
    child.startFailures = death.wasReady || passes || isForkRefused ? 0 : child.startFailures + 1;
    child.deaths = death.livedMs > limits.restartLongestMs ? 1 : child.deaths + 1;
    if (child.startFailures >= limits.startFailuresMax && !isDispensable(child)) {
      const reason = `the ${child.name} died ${child.startFailures} times before it was ready; its last words are above`;
      this.options.emit('worker_lost', how);
      this.#fail(EXIT.bug, reason);
      return;
    }
    const inMs = Math.min(limits.restartFirstMs * 2 ** (child.deaths - 1), limits.restartLongestMs);
    const why = passes ? { reason: death.fatal!.message } : {};
    this.options.emit('worker_lost', { ...how, ...why, restart_in_ms: inMs });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#phase === 'running') child.spawn();
    }, inMs);
    this.#timers.add(timer);
  }

  #reportHanging(): void {
    const seconds = Math.round((performance.now() - this.#drainSinceMs) / 1000);
    for (const child of this.#children.filter(({ lives }) => lives)) {
      const slot = child.inProgress();
      const what = {
        worker: child.name,
        worker_pid: child.pid,
        seconds,
        job: firstInProgress(slot),
        place: slot?.place ?? '',
      };
      this.options.emit('drain_waiting', what);
    }
  }

  #endWhenAlone(): void {
    if (this.#phase === 'ended' || this.#children.some(({ lives }) => lives)) return;
    this.#phase = 'ended';
    for (const timer of this.#timers) clearTimeout(timer);
    const once = this.#once;
    const left = once && [once.held, once.open, once.partial, once.unread, once.unpublished];
    // A signal may end a run before it knows what is left.
    const unfinished = left?.some(({ count }) => count > 0) ?? this.options.config.service.once;
    this.#done.resolve({
      exitCode: this.#failure?.exitCode ?? (unfinished ? EXIT.unfinished : EXIT.done),
      ...(this.#failure ? { reason: this.#failure.reason } : {}),
      ...(once ? { once } : {}),
    });
  }
}

/** Files go on without these roles. Once one has run, it is always restarted, whatever makes it fail. */
const DISPENSABLE: readonly Role[] = ['dashboard', 'notifier'];
const isDispensable = ({ spec, wasEverReady }: Supervised): boolean => DISPENSABLE.includes(spec.role) && wasEverReady;
