/**
 * Starts operator processes, gives them orders, kills them at a call and moves their clock. A spare process is ready, because most of
 * a killed verb's time is the start of the process that goes on.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Control, type Fault } from '../crash/control.js';
import { PACKAGE } from '../world/program.js';
import { END, type Order } from './order.js';

/** As deep below the package as its modules, which find files of the package by their own position. */
const HAND = join(PACKAGE, 'dist', 'test', 'hand.mjs');
/** An order is stuck after this; the machine may be loaded. */
const ORDER_MS = 60_000;
const NO_FAULT: Fault = { kind: 'nothing', at: 0 };

/** All modules in one file: a process then starts in half the time. */
export async function makeHand(): Promise<void> {
  await build({
    entryPoints: [join(PACKAGE, 'dist', 'test', 'operators', 'hand.js')],
    outfile: HAND,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['better-sqlite3', 'koffi', 'bunyan', 'fastify', '@fastify/static', 'prom-client'],
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
}

export interface Done {
  /** Undefined: it was killed. */
  code: number | undefined;
  out: string;
  err: string;
}

export class Lane {
  readonly control: Control;
  readonly counts = { orders: 0, kills: 0, starts: 0 };
  #hand: Hand | undefined;
  #spare: Hand | undefined;

  constructor(
    readonly library: string,
    folder: string,
    number: number,
  ) {
    this.control = new Control(join(folder, `control-${number}`));
  }

  /** How far the wall clock of every process of this lane is ahead of the machine's. */
  setClock(aheadMs: number): void {
    this.control.set('wall_ns', aheadMs * 1e6);
  }

  /** `fault`: counts calls below `root`. */
  async order(order: Order, root: string, fault: Fault = NO_FAULT): Promise<Done> {
    this.counts.orders += 1;
    const hand = this.#hand ?? this.#spare ?? this.#start();
    this.#hand = hand;
    if (hand === this.#spare) this.#spare = undefined;
    await hand.ready;
    this.control.arm([root], fault);
    const done = await hand.obey(order);
    this.control.arm([root], NO_FAULT);
    if (done.code === undefined) {
      this.#hand = undefined;
      this.counts.kills += 1;
    } else if (fault.kind !== 'nothing') this.#spare ??= this.#start();
    return done;
  }

  /** A start takes as long as ten orders, so a process for the next kill is started in advance. */
  standBy(): void {
    this.#spare ??= this.#start();
  }

  close(): void {
    for (const hand of [this.#hand, this.#spare]) hand?.end();
    this.control.close();
  }

  #start(): Hand {
    this.counts.starts += 1;
    return new Hand(this.library, this.control.path);
  }
}

class Hand {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  #out = '';
  #err = '';
  #isOver = false;
  #heard: () => void = () => {};

  constructor(library: string, control: string) {
    this.process = spawn(process.execPath, [HAND], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        LD_PRELOAD: library,
        CRASH_CONTROL: control,
        UV_THREADPOOL_SIZE: '1',
        UV_USE_IO_URING: '0',
      },
    });
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text;
      this.#heard();
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text;
      this.#heard();
    });
    this.process.on('close', () => {
      this.#isOver = true;
      this.#heard();
    });
    this.process.stdin!.on('error', () => {}); // it was killed
    this.ready = this.#until(() => this.#out.includes('ready\n')).then(() => {
      this.#out = '';
    });
  }

  async obey(order: Order): Promise<Done> {
    this.process.stdin!.write(`${JSON.stringify(order)}\n`);
    await this.#until(() => this.#err.includes(END) && this.#out.includes(END) && this.#out.endsWith('\n'));
    const [out, code] = this.#out.split(END) as [string, string?];
    const err = this.#err.replace(END, '');
    this.#out = '';
    this.#err = '';
    return { code: code === undefined ? undefined : Number(code), out, err };
  }

  end(): void {
    this.process.stdin!.end();
  }

  /** Resolves with the answer, or when the process has ended. */
  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.process.kill('SIGKILL');
        reject(new Error(`a hand did not answer in ${ORDER_MS} ms\n${this.#out}${this.#err}`));
      }, ORDER_MS);
      const end = () => {
        clearTimeout(late);
        this.#heard = () => {};
        resolve();
      };
      this.#heard = () => {
        if (isSo() || this.#isOver) end();
      };
      this.#heard();
    });
  }
}
