/**
 * One child process that takes files through the chain of a feed, one after the other. A processor may loop, take all memory, exit
 * or kill its process: no worker and no other feed is affected.
 * Guarantees: each file has one end. What happens before the child has begun a file (the message `begun`) is no fault of its records. Before the end of a child that died or was given up, its whole process group is killed. The child dies with the worker
 * (by itself: src/programs/process-child.ts).
 * Does not: keep a processor from reading files that this user may read. It is no sandbox.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProcessOptions } from '../../base/config/values/process.js';
import { inPackage } from '../../package.js';
import type { ChainMessage, ChildMessage, FileMessage } from '../../process/messages.js';

type Told<Kind extends ChildMessage['kind']> = Extract<ChildMessage, { kind: Kind }>;

export type FileEnd =
  | (Told<'done'> & { version: string })
  | Told<'bad' | 'no_room' | 'failed' | 'unloadable'>
  /** The module did not come to the first record of this file: it failed, or its process did. */
  | Omit<Told<'refused'>, 'job'>
  /** The child is dead. `how` completes "the process …". */
  | { kind: 'died'; how: string; records: number }
  /** It was killed: for so many seconds it finished no record and read no byte. */
  | { kind: 'stuck'; seconds: number; records: number };

export interface ChainParts {
  feed: string;
  options: ProcessOptions;
  /** Called with text that the processor printed while it had this job. */
  printed(job: string | undefined, text: string): void;
  /** Called when the child can take no further file. */
  onEnd(): void;
}

const TICK_MS = 1_000;
/** A tick may come at once after a task began, and the child reports its progress once a second. */
const TICKS_MORE = 2;
/** A killed process that does not end waits in the kernel, and never runs its own code again: nobody waits for it. */
const TICKS_DYING = 5;
/** The most characters of a file's printed text that are kept. */
const PRINT_CHARACTERS_MAX = 64 << 10;
/** V8 collects garbage before this bound. The rest of the memory is for buffers. */
const HEAP_SHARE = 0.75;
/** In addition to the processor's memory: the stacks of threads that Node starts later. */
const STACKS_BYTES = 64 << 20;
const KIB = 1_024;

/** The child loads the chain, or has a file. */
interface Task {
  /** Undefined while the chain is loaded. */
  job: string | undefined;
  isBegun: boolean;
  records: number;
  bytes: number;
  /** The number of ticks without progress. */
  quiet: number;
  resolve(end: FileEnd | Told<'ready'>): void;
}

const taskOf = (job: string | undefined, resolve: Task['resolve']): Task => ({
  job,
  isBegun: false,
  records: 0,
  bytes: 0,
  quiet: 0,
  resolve,
});

export class ChainChild {
  /** Why the chain cannot be used for any file; undefined where it is loaded. Never rejects. */
  readonly whyUnloadable: Promise<string | undefined>;
  /** Resolves when the process has ended, with all that it started. */
  readonly over: Promise<void>;
  #process: ChildProcess | undefined;
  #tick: NodeJS.Timeout | undefined;
  #version: string | undefined;
  #task: Task | undefined;
  /** How its process has ended: completes "the process …". */
  #how: string | undefined;
  #isOver = false;
  #tellOver!: () => void;
  #killedFor: FileEnd | undefined;
  /** Ticks since it was killed. */
  #dying: number | undefined;
  /** Printed text comes through another pipe than the file's end, and may come after it. */
  #printed: { job: string | undefined; characters: number } = { job: undefined, characters: 0 };

  constructor(private readonly parts: ChainParts) {
    this.over = new Promise((resolve) => (this.#tellOver = resolve));
    this.whyUnloadable = new Promise((resolve) => {
      this.#task = taskOf(undefined, (end) => resolve(end.kind === 'unloadable' ? end.reason : undefined));
    });
    try {
      this.#start();
    } catch (error) {
      // Node throws some errors of fork(2), and reports the others later.
      process.nextTick(() => this.#notStarted(error as Error));
    }
  }

  #start(): void {
    const child = spawned(this.parts.options);
    this.#process = child;
    child.on('message', (message: ChildMessage) => this.#hear(message));
    // An error of a living child concerns a signal or a message; its exit event will follow.
    child.on('error', (error) => child.pid === undefined && this.#notStarted(error));
    child.on('exit', (code, signal) => {
      this.#how = signal ? `was killed by ${signal}` : `ended by itself with code ${code}`;
      this.#kill();
      // Its last messages may still be unread.
      if (!child.connected) this.#ended();
    });
    // A processor that closes the channel can send nothing more.
    child.on('disconnect', () => {
      this.#kill();
      if (this.#how !== undefined) this.#ended();
    });
    // Without descriptors there are no streams, and the error is reported later.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8');
      stream?.on('data', (text: string) => this.#print(text));
    }
    this.#tick = setInterval(() => this.#check(), TICK_MS);
    this.#send({ kind: 'chain', feed: this.parts.feed, options: this.parts.options });
  }

  /** Takes one file at a time, after the chain was loaded. Never rejects. */
  run(file: FileMessage): Promise<FileEnd> {
    return new Promise((resolve) => {
      this.#task = taskOf(file.job, resolve as Task['resolve']);
      this.#printed = { job: file.job, characters: 0 };
      if (this.#isOver) this.#ended();
      else this.#send(file);
    });
  }

  /** Ends the child, and with it its current file. */
  end(): void {
    this.#kill();
  }

  #send(message: ChainMessage | FileMessage): void {
    // If the channel is closed, the exit event follows.
    this.#process!.send?.(message, () => {});
  }

  #hear(message: ChildMessage): void {
    const task = this.#task;
    if (message.kind === 'ready') {
      this.#version = message.version;
      this.#finish(message);
    } else if (message.kind === 'unloadable') this.#kill(message);
    else if (task === undefined || message.job !== task.job) return;
    else if (message.kind === 'begun') Object.assign(task, { isBegun: true, quiet: 0 });
    else if (message.kind === 'progress') goOn(task, message);
    else this.#finish(message.kind === 'done' ? { ...message, version: this.#version! } : message);
  }

  /** Counts ticks and asks no clock, so that a worker that was stopped for an hour blames nobody. */
  #check(): void {
    const { memoryBytes, stuckSeconds: seconds } = this.parts.options;
    const task = this.#task;
    const { state, taken } = statusOf(this.#process?.pid);
    if (taken > memoryBytes) {
      const how = `took ${taken} bytes of memory, over the ${memoryBytes} of memory-bytes`;
      this.#kill(task && this.#endOf(task, how));
    } else if (task !== undefined && ++task.quiet >= seconds + TICKS_MORE) {
      const how = `did nothing for ${seconds} seconds`;
      if (task.isBegun && WAITS.includes(state))
        this.#kill({
          kind: 'failed',
          job: task.job!,
          reason: `its process ${how}, because a disk did not answer or it was stopped`,
        });
      else this.#kill(task.isBegun ? { kind: 'stuck', seconds, records: task.records } : this.#endOf(task, how));
    }
    if (this.#dying !== undefined && ++this.#dying > TICKS_DYING) this.#leave();
  }

  /** That is no fault of its file either. */
  #leave(): void {
    const task = this.#task;
    this.#how ??= 'was killed and does not end, because a disk does not answer';
    if (task?.isBegun) this.#killedFor = { kind: 'failed', job: task.job!, reason: `its process ${this.#how}` };
    this.#ended();
  }

  #print(text: string): void {
    const left = PRINT_CHARACTERS_MAX - this.#printed.characters;
    this.#printed.characters += text.length;
    if (left > 0) this.parts.printed(this.#printed.job, text.slice(0, left));
  }

  #kill(because?: FileEnd): void {
    this.#killedFor ??= because;
    this.#dying ??= 0;
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    try {
      // The whole group, with all processes that it started.
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // A process of another user (sudo) is not ours to end.
      if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  #notStarted({ message }: Error): void {
    this.#killedFor = { kind: 'unloadable', reason: `no process could be started for it: ${message}` };
    this.#ended();
  }

  #ended(): void {
    this.#isOver = true;
    clearInterval(this.#tick);
    this.#tellOver();
    this.parts.onEnd();
    if (this.#task) this.#finish(this.#killedFor ?? this.#endOf(this.#task, this.#how!));
  }

  /** `how` completes "the process …". */
  #endOf({ job, isBegun, records }: Task, how: string): FileEnd {
    if (isBegun) return { kind: 'died', how, records };
    const { module } = this.parts.options;
    const what = module === undefined ? 'it' : `its module ${module}`;
    if (job === undefined) return { kind: 'unloadable', reason: `while ${what} was loaded, its process ${how}` };
    return { kind: 'refused', reason: `before ${what} took the first record, its process ${how}` };
  }

  #finish(end: FileEnd | Told<'ready'>): void {
    const task = this.#task;
    this.#task = undefined;
    task?.resolve(end);
  }
}

function goOn(task: Task, { records, bytes }: Told<'progress'>): void {
  if (records !== task.records || bytes !== task.bytes) task.quiet = 0;
  task.records = records;
  task.bytes = bytes;
}

function spawned({ memoryBytes }: ProcessOptions): ChildProcess {
  const heapMb = Math.floor((memoryBytes * HEAP_SHARE) / KIB / KIB);
  const program = fileURLToPath(inPackage('dist/program/process-child.cjs'));
  const { PATH, LANG, TZ } = process.env;
  const more = String(memoryBytes + STACKS_BYTES);
  return spawn(process.execPath, [`--max-old-space-size=${heapMb}`, program, more], {
    env: { PATH, LANG, TZ },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
}

/** It waits for a disk, or somebody has stopped it: that is no fault of the records. */
const WAITS = ['D', 'T', 't'];

const UNKNOWN = ['ENOENT', 'ESRCH', 'EMFILE', 'ENFILE'];

/**
 * The child's state (proc(5)) and its own memory in bytes: of V8, buffers and addons. Empty and 0 where it has ended, or where /proc
 * does not say it.
 */
function statusOf(pid: number | undefined): { state: string; taken: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const [, state = ''] = /^State:\s+(\S)/m.exec(status) ?? [];
    const [, kib] = /^RssAnon:\s+(\d+)/m.exec(status) ?? [];
    return { state, taken: Number(kib ?? 0) * KIB };
  } catch (error) {
    if (UNKNOWN.includes((error as NodeJS.ErrnoException).code ?? '')) return { state: '', taken: 0 };
    throw error;
  }
}
