/** Starts test/ingest/producer/child.ts, under a tracer if one is given, and receives its memory figures. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '../../../src/ingest/producer/limits.js';
import type { Weighed } from './child.js';

export class Apart {
  readonly base = mkdtempSync(join(tmpdir(), 'producer-'));
  readonly input = join(this.base, 'in');
  readonly statePath = join(this.base, 'state.db');
  #child: ChildProcess | undefined;

  constructor() {
    mkdirSync(this.input);
  }

  /** Resolves after the start-up scan. */
  start(command: string[] = []): Promise<Weighed> {
    const [execPath, ...before] = [...command, process.execPath, ...limits.nodeFlags];
    this.#child = fork(join(import.meta.dirname, 'child.js'), [this.input, this.statePath], {
      execPath: execPath!,
      execArgv: before,
    });
    return this.#weighed();
  }

  rescan(): Promise<Weighed> {
    this.#child!.send('scan');
    return this.#weighed();
  }

  /** Ends it; a tracer ends with it. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.disconnect();
    await gone;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.base, { recursive: true, force: true });
  }

  async #weighed(): Promise<Weighed> {
    const child = this.#child!;
    const died = once(child, 'exit').then(() => {
      throw new Error('the producer died');
    });
    died.catch(() => undefined);
    const [weighed] = (await Promise.race([once(child, 'message'), died])) as [Weighed];
    return weighed;
  }
}
