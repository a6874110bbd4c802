/**
 * One child of a parent through all its lives: spawned, watched by its heartbeat, spawned again after a death.
 * Guarantees: signals only a process that it spawned and has not reaped yet.
 * Does not: decide about the others; supervisor.ts does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { firstInProgress } from '../../../queue/slot-text.js';
import type { Config } from '../../base/config/options.js';
import { limits } from '../../base/config/values/limits.js';
import type { IngestStage } from '../../base/config/values/stage-names.js';
import { EXIT } from '../../base/errors.js';
import type { ChildMessage, Init, ParentMessage, Role } from '../../base/process/protocol.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { limits as producerLimits } from '../../ingest/producer/limits.js';
import { limits as workerLimits } from '../../ingest/worker/limits.js';
import { limits as alarmLimits } from '../alarms/limits.js';
import { limits as dashboardLimits } from '../dashboard/data/limits.js';
import { Beats, type OwnersFiles, tickMsOf } from './heartbeats.js';

const NODE_FLAGS: Record<Role, readonly string[]> = {
  producer: producerLimits.nodeFlags,
  worker: workerLimits.nodeFlags,
  dashboard: dashboardLimits.nodeFlags,
  notifier: alarmLimits.nodeFlags,
};

/** Read by Node when it starts (Node: UV_THREADPOOL_SIZE). */
const ENV: Partial<Record<Role, NodeJS.ProcessEnv>> = {
  dashboard: { UV_THREADPOOL_SIZE: String(dashboardLimits.poolThreads) },
};

export interface ChildSpec {
  role: Role;
  stages: IngestStage[];
}

/** The parent of a child. */
export interface Family {
  childModule: string;
  config: Config;
  logs: Init['logs'];
  owners: OwnersFiles;
  emit: Emit;
  onMessage(child: Supervised, message: ChildMessage): void;
  onDeath(child: Supervised, death: Death): void;
}

/** How a life ended. `fatal` has the sentence that the child sent, if any. */
export interface Death {
  code: number | null;
  signal: NodeJS.Signals | null;
  wasReady: boolean;
  livedMs: number;
  fatal: Extract<ChildMessage, { kind: 'fatal' }> | undefined;
}

export class Supervised {
  #process: ChildProcess | undefined;
  #ready: Extract<ChildMessage, { kind: 'ready' }> | undefined;
  #fatal: Death['fatal'];
  #returned = false;
  /** Its state is brought up to date before it is ready. */
  #isMigrating = false;
  #bornAtMs = 0;
  #beats: Beats;
  #endBy: NodeJS.Timeout | undefined;
  #giveUpBy: NodeJS.Timeout | undefined;
  /** Earlier lives that did not end with SIGKILL yet. */
  readonly #unkillable = new Set<ChildProcess>();
  /** Deaths in a row before it was ready. */
  startFailures = 0;
  /** True once one of its lives was ready. */
  wasEverReady = false;
  /** True once such a life has ended: what follows is a restart. */
  isRestarted = false;
  /** Deaths in a row, for the backoff. */
  deaths = 0;

  constructor(
    readonly spec: ChildSpec,
    private readonly family: Family,
  ) {
    this.#beats = this.#newBeats();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get lives(): boolean {
    return this.#process !== undefined;
  }

  get name(): string {
    return this.spec.role === 'worker' ? `worker ${this.spec.stages.join(' ')}` : this.spec.role;
  }

  spawn(): void {
    this.#ready = undefined;
    this.#fatal = undefined;
    this.#isMigrating = false;
    this.#returned = false;
    this.#beats = this.#newBeats();
    this.#bornAtMs = performance.now();
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, [...NODE_FLAGS[this.spec.role], this.family.childModule, this.spec.role], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: { ...process.env, ...ENV[this.spec.role] },
      });
    } catch (error) {
      // Node throws some errors of fork(2), such as ENOMEM, and reports the others later.
      process.nextTick(() => this.#notSpawned(error as Error));
      return;
    }
    this.#process = child;
    child.on('message', (message: ChildMessage) => this.#hear(message));
    child.on('error', (error) => {
      // A process that could not be spawned has no exit event.
      if (child.pid === undefined && this.#process === child) this.#notSpawned(error);
    });
    child.on('exit', (code, signal) => this.#ended(child, code, signal));
    this.send({
      kind: 'init',
      role: this.spec.role,
      stages: this.spec.stages,
      config: this.family.config,
      parentPid: process.pid,
      logs: this.family.logs,
    });
  }

  send(message: ParentMessage): void {
    // A dying child has a closed channel. Its exit event follows.
    if (this.#process?.connected) this.#process.send(message, () => {});
  }

  /** A process in a call that no signal ends (a frozen filesystem) is replaced beside it, some times. */
  kill(): void {
    const child = this.#process;
    child?.kill('SIGKILL');
    if (child) this.#giveUpBy ??= setTimeout(() => this.#giveUp(child), limits.exitGraceMs);
  }

  #giveUp(child: ChildProcess): void {
    this.#giveUpBy = undefined;
    if (this.#process !== child || this.#unkillable.size >= limits.unkillableMax) return;
    this.#unkillable.add(child);
    child.once('exit', () => this.#unkillable.delete(child));
    if (child.connected) child.disconnect();
    child.unref();
    this.family.emit('worker_unkillable', { worker: this.name, worker_pid: child.pid });
    this.#ended(child, null, 'SIGKILL');
  }

  /** One tick of the parent's clock. */
  tick(): void {
    if (this.#process === undefined || this.#isMigrating) return;
    if (this.#ready) this.family.owners.attend(this.#ready.ownersPath, this.#ready.owner);
    if (this.#beats.tick(this.inProgress()?.beat) === 'alive') return;
    const slot = this.inProgress();
    this.family.emit('worker_stalled', {
      worker: this.name,
      worker_pid: this.pid,
      quiet_seconds: Math.round(this.#beats.quietMs / 1000),
      job: firstInProgress(slot),
      place: slot?.place ?? '',
    });
    this.#beats = this.#newBeats();
    if (this.#ready) this.family.owners.noteStall(this.#ready.ownersPath, this.#ready.owner);
    this.kill();
  }

  /** The jobs that the child has in progress, read from its slot. */
  inProgress() {
    return this.#ready && this.family.owners.slot(this.#ready.ownersPath, this.#ready.owner);
  }

  #hear(message: ChildMessage): void {
    if (message.kind === 'migrates') this.#isMigrating = true;
    else if (message.kind === 'ready') {
      this.#isMigrating = false;
      this.#ready = message;
      this.#beats = this.#newBeats();
      this.family.owners.attend(message.ownersPath, message.owner);
      this.startFailures = 0;
      this.wasEverReady = true;
      this.family.emit('worker_started', { worker: this.name, worker_pid: this.pid, owner: message.owner });
    } else if (message.kind === 'fatal' || message.kind === 'returned') {
      if (message.kind === 'fatal') this.#fatal = message;
      else this.#returned = true;
      this.#endBy ??= setTimeout(() => this.kill(), limits.exitGraceMs);
    }
    this.family.onMessage(this, message);
  }

  #notSpawned({ message }: Error): void {
    this.#process = undefined;
    this.family.emit('spawn_failed', { worker: this.name, reason: message });
    this.family.onDeath(this, { code: null, signal: null, wasReady: false, livedMs: 0, fatal: undefined });
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    for (const timer of [this.#endBy, this.#giveUpBy]) clearTimeout(timer);
    this.#endBy = undefined;
    this.#giveUpBy = undefined;
    if (this.#ready) this.family.owners.attend(this.#ready.ownersPath, this.#ready.owner, true);
    const livedMs = performance.now() - this.#bornAtMs;
    // Its work was done and its state closed. A system call on a dead mount that delayed its end is not a failure.
    const ended = this.#returned && signal === 'SIGKILL' ? EXIT.done : code;
    const wasReady = this.#ready !== undefined;
    this.family.onDeath(this, { code: ended, signal, wasReady, livedMs, fatal: this.#fatal });
    if (wasReady) this.isRestarted = true;
  }

  #newBeats(): Beats {
    const patienceMs = this.family.config.service.stallSeconds * 1000;
    // A busy machine takes seconds to start a process.
    const stallMs = this.#ready ? patienceMs : Math.max(patienceMs, limits.startLongestMs);
    return new Beats(tickMsOf(patienceMs), stallMs);
  }
}
