/**
 * One place where rounds are run: it keeps a runner started ahead, waiting for its order, because most of a short run is
 * the start of the process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PACKAGE } from '../world/program.js';
import { Control } from './control.js';
import type { Order } from './order.js';

const RUNNER = join(PACKAGE, 'dist', 'test', 'crash', 'runner.js');
/** A run is stuck after this; the machine may be loaded. */
const RUN_MS = 60_000;

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
  /** True where it came to the end of the first batch. */
  first: boolean;
  stuck: boolean;
}

interface Runner {
  process: ChildProcess;
  control: Control;
  ready: Promise<void>;
  ended: Promise<[number | null, NodeJS.Signals | null]>;
  heard: { stderr: string; first: boolean; onFirst: () => void };
}

export class Lane {
  readonly #controls: [Control, Control];
  /** Shared by the processes of one `ingest`. */
  readonly controlOfProcesses: Control;
  #turn = 0;
  #next: Runner | undefined;

  constructor(
    readonly library: string,
    folder: string,
    readonly number: number,
    /** Additional environment of its runners: a mutant's switch. */
    readonly env: NodeJS.ProcessEnv = {},
  ) {
    this.#controls = [0, 1].map((i) => new Control(join(folder, `control-${number}-${i}`))) as [Control, Control];
    this.controlOfProcesses = new Control(join(folder, `control-${number}-processes`));
    this.#next = this.#start();
  }

  /** Runs one process to its end. `before`: sets its control file up. `onFirst`: drops the second batch. */
  async run(
    asked: Pick<Order, 'config' | 'withdraw'>,
    before: (control: Control) => void,
    onFirst?: (control: Control) => void,
  ): Promise<Ran & { control: Control }> {
    const runner = this.#next ?? this.#start();
    await runner.ready;
    before(runner.control);
    const { process: child, control, heard, ended } = runner;
    heard.onFirst = () => {
      onFirst?.(control);
      child.stdin!.write('go\n');
    };
    const order: Order = { ...asked, control: control.path, second: onFirst !== undefined };
    child.stdin!.on('error', () => {}); // it was killed
    child.stdin!.write(`${JSON.stringify(order)}\n`);
    this.#next = this.#start();
    let stuck = false;
    const timer = setTimeout(() => {
      stuck = true;
      child.kill('SIGKILL');
    }, RUN_MS);
    const [code, signal] = await ended;
    clearTimeout(timer);
    return { code, signal, stderr: heard.stderr, first: heard.first, stuck, control };
  }

  close(): void {
    const { stdin } = this.#next?.process ?? {};
    stdin?.end();
    this.#next = undefined;
  }

  #start(): Runner {
    const control = this.#controls[this.#turn++ % 2]!;
    control.clear();
    const child = spawn(process.execPath, [RUNNER], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...this.env,
        LD_PRELOAD: this.library,
        CRASH_CONTROL: control.path,
        UV_THREADPOOL_SIZE: '1',
        UV_USE_IO_URING: '0',
      },
    });
    const heard = { stderr: '', first: false, onFirst: () => {} };
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      heard.stderr += text;
    });
    // It may have ended before its order comes: a runner that cannot be loaded.
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      child.on('close', (code, signal) => resolve([code, signal])),
    );
    const ready = new Promise<void>((resolve) => {
      void ended.then(() => resolve());
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line === 'ready') resolve();
        if (line !== 'first') return;
        heard.first = true;
        heard.onFirst();
      });
    });
    return { process: child, control, ready, ended, heard };
  }
}
