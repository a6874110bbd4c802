/**
 * A state for one test, with any number of owners in this process, and real child processes as others. A backend is
 * named by a module that opens it, so that children open the same kind.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Backend, Candidate, ClaimedJob, Outcome } from '../../queue/backend.js';
import type { QueueOptions } from '../../queue/index.js';

export const STAGES = ['first', 'second', 'third'];

export interface OpenOptions {
  title?: string;
  maxAttempts?: number;
  next?: QueueOptions['next'];
  /** Replaces the boot clock. */
  now?: () => number;
}

/** A backend under test. */
export interface BackendKind {
  name: string;
  /** URL of a module that exports `open(address, options): Promise<Backend>` for the stages above. */
  opener: string;
  /** A new, empty state; `remove` is called after all owners have closed. */
  make(): Promise<{ address: string; remove(): Promise<void> }>;
}

interface Opener {
  open(address: string, options: OpenOptions): Promise<Backend>;
}

/** A clock that only the test moves. */
export class TestClock {
  ms = 1_000_000;
  readonly now = (): number => this.ms;
}

export class QueueWorld {
  readonly clock = new TestClock();
  readonly #backends: Backend[] = [];
  readonly #children: Child[] = [];

  constructor(
    readonly kind: BackendKind,
    readonly address: string,
  ) {}

  /** Like `open`, with the test's clock. Not together with children, which use the boot clock. */
  openTimed(options: OpenOptions = {}): Promise<Backend> {
    return this.open({ now: this.clock.now, ...options });
  }

  /** Another owner in this process, with the boot clock. */
  async open(options: OpenOptions = {}): Promise<Backend> {
    const { open } = (await import(this.kind.opener)) as Opener;
    const backend = await open(this.address, options);
    this.#backends.push(backend);
    return backend;
  }

  /** Another owner in its own process, with the boot clock. */
  async child(): Promise<Child> {
    const child = new Child(this.kind.opener, this.address);
    this.#children.push(child);
    await child.ready;
    return child;
  }

  async end(): Promise<void> {
    for (const child of this.#children) await child.kill();
    for (const backend of this.#backends) await backend.close();
  }
}

/** A process that runs the verbs it is sent: child.ts. */
export class Child {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  #answers = new Map<number, (message: { answer?: unknown; error?: string }) => void>();
  #next = 1;

  constructor(opener: string, address: string) {
    this.process = fork(new URL('./child.js', import.meta.url), [opener, address], { serialization: 'advanced' });
    this.ready = new Promise((resolve) => this.#answers.set(0, () => resolve()));
    this.process.on('message', (message: { id: number; answer?: unknown; error?: string }) => {
      this.#answers.get(message.id)?.(message);
      this.#answers.delete(message.id);
    });
  }

  /** Runs `verb` of child.ts there. */
  async ask<T>(verb: string, ...args: unknown[]): Promise<T> {
    const id = this.#next++;
    const answered = new Promise<{ answer?: unknown; error?: string }>((resolve) => this.#answers.set(id, resolve));
    this.process.send({ id, verb, args });
    const ended = once(this.process, 'exit').then(() => ({ error: `the child ended during ${verb}` }));
    const { answer, error } = (await Promise.race([answered, ended])) as { answer?: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return answer as T;
  }

  /** Resolves when the kernel has ended it. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    await ended;
  }
}

/** Tests by their titles. */
export type Scenarios = Record<string, (world: QueueWorld) => Promise<void>>;

/** A test with its own state. */
export function scenario(kind: BackendKind, title: string, run: (world: QueueWorld) => Promise<void>): void {
  test(`${kind.name}: ${title}`, async () => {
    const { address, remove } = await kind.make();
    const world = new QueueWorld(kind, address);
    try {
      await run(world);
    } finally {
      await world.end();
      await remove();
    }
  });
}

export function candidate(name: string, change: Partial<Candidate> = {}): Candidate {
  return {
    feed: 'default',
    key: Buffer.from(name),
    identity: `${name} v1`,
    bytes: 10,
    payload: { name },
    dueInMs: 0,
    ...change,
  };
}

export const candidates = (count: number, change: Partial<Candidate> = {}): Candidate[] =>
  Array.from({ length: count }, (_, i) => candidate(`${change.feed ?? 'job'}-${i}`, change));

/** Enqueues `name` and claims it. */
export async function claimed(backend: Backend, name: string, stage = 'first'): Promise<ClaimedJob> {
  await backend.enqueue([candidate(name)]);
  const [job] = await backend.claim(stage, 1);
  assert(job);
  return job;
}

/** Settles one job and returns whether the settlement counted. */
export async function settleAs(backend: Backend, job: ClaimedJob, outcome: Outcome): Promise<boolean> {
  const [answer] = await backend.settle([{ job, outcome }]);
  return answer!.settled;
}

export const ADVANCE: Outcome = { kind: 'advance' };
export const HOLD: Outcome = { kind: 'hold', code: 'odd', reason: 'it is odd' };
