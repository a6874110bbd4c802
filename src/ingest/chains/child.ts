/**
 * One child process that takes files through the chain of a feed, one after the other. A processor may loop, take all memory, exit
 * or kill its process: no worker and no other feed is affected.
 * Guarantees: each file has one end. Before the end of a child that died or was given up, its whole process group is killed. The
 * child dies with the worker (by itself: src/programs/process-child.ts).
 * Does not: keep a processor from reading files that this user may read. It is no sandbox.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProcessOptions } from '../../base/config/values/process.js';
import { inPackage } from '../../package.js';
import type { ChainMessage, ChildMessage, FileMessage } from '../../process/messages.js';

export type FileEnd =
  | (Extract<ChildMessage, { kind: 'done' }> & { version: string })
  | Extract<ChildMessage, { kind: 'bad' | 'no_room' | 'failed' | 'unloadable' }>
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
/** The most characters of a file's printed text that are kept. */
const PRINT_CHARACTERS_MAX = 64 << 10;
/** V8 collects garbage before this bound. The rest of the memory is for buffers. */
const HEAP_SHARE = 0.75;
/** In addition to the processor's memory: Node's own data, which is 48 MB. */
const OWN_DATA_BYTES = 128 << 20;
const KIB = 1_024;

interface Current {
  job: string;
  resolve(end: FileEnd): void;
  records: number;
  bytes: number;
  /** The number of ticks without progress. */
  quiet: number;
}

export class ChainChild {
  readonly #process: ChildProcess;
  readonly #tick: NodeJS.Timeout;
  #version: string | undefined;
  #current: Current | undefined;
  #unloadable: Extract<ChildMessage, { kind: 'unloadable' }> | undefined;
  #killedFor: FileEnd | undefined;
  /** Printed text comes through another pipe than the file's end, and may come after it. */
  #printed: { job: string | undefined; characters: number } = { job: undefined, characters: 0 };

  constructor(private readonly parts: ChainParts) {
    this.#process = spawned(parts.options);
    this.#process.on('message', (message: ChildMessage) => this.#hear(message));
    this.#process.on('error', (error: NodeJS.ErrnoException) => {
      // An error of a living child concerns a signal or a message; its exit event will follow.
      if (this.#process.pid === undefined) this.#ended(error);
    });
    this.#process.on('exit', (code, signal) =>
      this.#ended(signal ? `was killed by ${signal}` : `ended by itself with code ${code}`),
    );
    // A processor that closes the channel can send nothing more.
    this.#process.on('disconnect', () => this.#kill());
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => this.#print(text));
    }
    this.#tick = setInterval(() => this.#check(), TICK_MS);
    this.#send({ kind: 'chain', feed: parts.feed, options: parts.options });
  }

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Takes one file at a time. Never rejects. */
  run(file: FileMessage): Promise<FileEnd> {
    return new Promise((resolve) => {
      this.#current = { job: file.job, resolve, records: 0, bytes: 0, quiet: 0 };
      this.#printed = { job: file.job, characters: 0 };
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) this.#ended('had ended before');
      else this.#send(file);
    });
  }

  /** Why the chain cannot be loaded; undefined where it is loaded. */
  whyNotLoaded(): Promise<string | undefined> {
    if (this.#version !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#process.on('message', (message: ChildMessage) => {
        if (message.kind === 'ready') resolve(undefined);
        else if (message.kind === 'unloadable') resolve(message.reason);
      });
      this.#process.on('exit', (code, signal) =>
        resolve(`its process ended with ${signal ?? `code ${code}`} while it was loaded`),
      );
      this.#process.on('error', ({ message }) => resolve(`no process could be started for it: ${message}`));
    });
  }

  /** Ends the child. Its current file gets the end `died`. */
  end(): void {
    this.#kill();
  }

  #send(message: ChainMessage | FileMessage): void {
    // If the channel is closed, the exit event follows.
    this.#process.send(message, () => {});
  }

  #hear(message: ChildMessage): void {
    if (message.kind === 'ready') this.#version = message.version;
    else if (message.kind === 'unloadable') {
      this.#unloadable = message;
      this.#kill();
    } else if (message.job === this.#current?.job) {
      if (message.kind !== 'progress')
        this.#finish(message.kind === 'done' ? { ...message, version: this.#version! } : message);
      else this.#progress(this.#current, message);
    }
  }

  #progress(current: Current, { records, bytes }: { records: number; bytes: number }): void {
    if (records !== current.records || bytes !== current.bytes) current.quiet = 0;
    current.records = records;
    current.bytes = bytes;
  }

  /** Counts ticks and asks no clock, so that a worker that was stopped for an hour blames no file. */
  #check(): void {
    const { options } = this.parts;
    const taken = memoryOf(this.#process.pid);
    if (taken > options.memoryBytes) {
      this.#kill({
        kind: 'died',
        how: `took ${taken} bytes of memory, over the ${options.memoryBytes} of memory`,
        records: this.#current?.records ?? 0,
      });
      return;
    }
    if (!this.#current || ++this.#current.quiet < options.stuckSeconds) return;
    this.#kill({ kind: 'stuck', seconds: options.stuckSeconds, records: this.#current.records });
  }

  #print(text: string): void {
    const left = PRINT_CHARACTERS_MAX - this.#printed.characters;
    this.#printed.characters += text.length;
    if (left > 0) this.parts.printed(this.#printed.job, text.slice(0, left));
  }

  #kill(because?: FileEnd): void {
    this.#killedFor ??= because;
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      // The whole group, with all processes that it started.
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** `how`: a sentence about a child that was alive; an error where it could not be started, which is no fault of the file. */
  #ended(how: string | NodeJS.ErrnoException): void {
    clearInterval(this.#tick);
    this.#kill();
    this.parts.onEnd();
    const { job = '', records = 0 } = this.#current ?? {};
    const end: FileEnd =
      typeof how === 'string'
        ? { kind: 'died', how, records }
        : {
            kind: 'failed',
            job,
            ...(how.code && { errno: how.code }),
            reason: `no process could be started for the chain: ${how.message}`,
          };
    this.#finish(this.#unloadable ?? this.#killedFor ?? end);
  }

  #finish(end: FileEnd): void {
    const current = this.#current;
    this.#current = undefined;
    current?.resolve(end);
  }
}

/** The shell sets the memory limit and then executes Node. Node has no hook between fork and exec for this. */
function spawned({ memoryBytes }: ProcessOptions): ChildProcess {
  const kib = Math.ceil((memoryBytes + OWN_DATA_BYTES) / KIB);
  const heapMb = Math.floor((memoryBytes * HEAP_SHARE) / KIB / KIB);
  const node = [
    process.execPath,
    `--max-old-space-size=${heapMb}`,
    fileURLToPath(inPackage('dist/program/process-child.cjs')),
  ];
  const { PATH, LANG, TZ } = process.env;
  return spawn('/bin/sh', ['-c', 'ulimit -d "$0"; exec "$@"', String(kib), ...node], {
    env: { PATH, LANG, TZ },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
}

/** The child's own memory in bytes: of V8, buffers and addons. 0 where it has ended. */
function memoryOf(pid: number | undefined): number {
  try {
    const [, kib] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(kib ?? 0) * KIB;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}
