/**
 * Starts test/watcher/child.ts and waits for its messages.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Bell } from '../world/bell.js';
import type { FromChild, ToChild } from './child.js';

export class Apart {
  readonly base = mkdtempSync(join(tmpdir(), 'watcher-'));
  readonly root = join(this.base, 'in');
  readonly heard: FromChild[] = [];
  seen = 0;
  readonly #bell = new Bell(() => `seen ${this.seen}; ${JSON.stringify(this.heard)}`);
  #child: ChildProcess | undefined;

  async start(message: Omit<ToChild & { kind: 'start' }, 'kind'>, command: string[] = []): Promise<void> {
    mkdirSync(this.root, { recursive: true });
    const [execPath, ...before] = [...command, process.execPath];
    this.#child = fork(join(import.meta.dirname, 'child.js'), {
      execPath: execPath!,
      execArgv: before,
    });
    this.#child.on('message', (heard: FromChild) => {
      if (heard.kind === 'seen') this.seen = heard.paths;
      else this.heard.push(heard);
      this.#bell.ring();
    });
    await this.until('the child is up', () => this.heard.some(({ kind }) => kind === 'up'));
    this.send({ kind: 'start', ...message });
  }

  send(message: ToChild): void {
    this.#child!.send(message);
  }

  kill(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child!.kill(signal);
  }

  count(event: string): number {
    return this.heard.filter((heard) => heard.kind === 'told' && heard.event.event === event).length;
  }

  /** The kernel's queue must have room for the events of `act`. */
  whileStopped(act: () => void): void {
    this.kill('SIGSTOP');
    act();
    this.kill('SIGCONT');
  }

  drop(prefix: string, count: number): void {
    for (let i = 0; i < count; i++) writeFileSync(join(this.root, `${prefix}${i}`), '');
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.#bell.until(what, holds);
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      // A killed tracer would leave its tracee running, and a killed child would lose its coverage data. So the channel
      // is closed, which ends both.
      child.disconnect();
      await gone;
    }
    rmSync(this.base, { recursive: true, force: true });
  }
}

export function scenarioApart(name: string, run: (apart: Apart) => Promise<void>): void {
  test(name, async () => {
    const apart = new Apart();
    try {
      await run(apart);
    } finally {
      await apart.end();
    }
  });
}
