/**
 * One of the product's commands as a real process: started, read, signalled, ended.
 * Guarantees: signals only processes that it started itself, by pid; a failed wait shows the end of the log.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { User } from './users.js';
import { DEADLINE_MS } from './waiting.js';

/** The root of the package (this file runs from dist/test/world/). */
export const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

export interface LogEvent {
  event: string;
  [field: string]: unknown;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  events: LogEvent[];
}

export interface StartOptions {
  user?: User;
  env?: NodeJS.ProcessEnv;
  /** The program that runs the command, with its arguments: `['strace', '-f', …]`. */
  wrap?: readonly string[];
  cwd?: string;
  /** `pipe`: stays open until the process ends. */
  stdin?: 'ignore' | 'pipe';
}

export class Program {
  readonly command: string;
  readonly pid: number;
  /** Resolves when the process has ended and its output was read completely. */
  readonly ended: Promise<Ended>;
  running = true;
  stdout = '';
  readonly lines: string[] = [];
  readonly events: LogEvent[] = [];
  readonly #process: ChildProcess;

  /** `command` is one of bin/, or any program if it has a slash. */
  constructor(
    command: string,
    args: readonly string[],
    onEvent: (event: LogEvent) => void = () => {},
    options: StartOptions = {},
  ) {
    this.command = command;
    const path = command.includes('/') ? command : join(PACKAGE, 'bin', command);
    const [file, ...rest] = [...(options.wrap ?? []), path, ...args];
    this.#process = spawn(file!, rest, {
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
      cwd: options.cwd ?? '/',
      env: {
        ...process.env,
        PATH: [dirname(process.execPath), join(PACKAGE, 'bin'), process.env.PATH].join(delimiter),
        ...options.env,
      },
      ...(options.user && { uid: options.user.uid, gid: options.user.gid }),
    });
    this.pid = this.#process.pid ?? -1;
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    createInterface({ input: this.#process.stderr! }).on('line', (line) => this.#hear(line, onEvent));
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', (error) => {
        // It was never started, or it cannot be signalled: in both cases no process of ours is left to be ended.
        if (this.pid < 0) this.running = false;
        reject(error);
      });
      this.#process.on('exit', () => {
        this.running = false;
      });
      this.#process.on('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.lines.join('\n'), events: this.events }),
      );
    });
    this.ended.catch(() => {}); // the caller that awaits it gets the error
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.running) this.#process.kill(signal);
  }

  /** SIGTERM, then waits for the end; after the deadline SIGKILL, and an error. */
  async stop(withinMs = DEADLINE_MS): Promise<Ended> {
    this.kill('SIGTERM');
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.killAll();
    }, withinMs);
    const ended = await this.ended.finally(() => clearTimeout(timer));
    if (late) throw new Error(`${this.command} did not end ${withinMs} ms after SIGTERM\n${this.tail()}`);
    return ended;
  }

  /** The pids of its living children, and of their children; without those that ask a mount and end (src/files/dead-mount.ts). */
  descendants(): number[] {
    return this.running ? descendantsOf(this.pid).filter((pid) => !ASKING.includes(nameOf(pid))) : [];
  }

  /** Sends SIGKILL to it and to all processes below it. */
  killAll(): void {
    if (!this.running) return;
    for (const pid of [this.pid, ...this.descendants()]) signal(pid, 'SIGKILL');
  }

  tail(count = 30): string {
    return [
      `-- the end of what ${this.command} [${this.pid}] logged:`,
      ...this.lines.slice(-count).map((line) => line.slice(0, 500)),
    ].join('\n');
  }

  #hear(line: string, onEvent: (event: LogEvent) => void): void {
    this.lines.push(line);
    if (!line.startsWith('{')) return;
    try {
      const parsed = JSON.parse(line) as LogEvent;
      if (typeof parsed.event !== 'string') return;
      this.events.push(parsed);
      onEvent(parsed);
    } catch {
      // A line that is not a log record; it stays in `lines`.
    }
  }
}

/** A pid that has ended meanwhile is no error. For kill(2), -1 means every process, and 0 our whole group. */
export function signal(pid: number, name: NodeJS.Signals): void {
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const ASKING: readonly (string | undefined)[] = ['stat', 'dd'];

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined; // it ended
  }
}

export function descendantsOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...descendantsOf(child)]);
  } catch {
    return []; // it ended
  }
}
