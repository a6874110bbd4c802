/**
 * Runs a script on the real filesystem: its operations, its watchers, and a reader for each watcher that reads every
 * reported path, as a mirror does. At every quiet point, the last state that a reader saw must be the state on disk,
 * whatever the script expects.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOfName, nameOfText } from '../../../src/linux/names.js';
import { DEADLINE_MS } from '../../world/waiting.js';
import { ACTS, content, isThere } from './acts.js';
import { Reader } from './reader.js';
import { type Backend, named, type Script, type Step } from './script.js';
import { StepEvents } from './step-events.js';

export class Scene {
  readonly base = mkdtempSync(join(tmpdir(), 'watch-script-'));
  readonly root = join(this.base, 'in');
  readonly held = new Map<string, number>();
  readonly servers = new Map<string, Server>();
  readonly #script: Script;
  readonly #backend: Backend;
  #readers: Reader[] = [];

  constructor(script: Script, backend: Backend) {
    this.#script = script;
    this.#backend = backend;
  }

  async run(): Promise<void> {
    mkdirSync(this.root);
    try {
      for (const line of this.#script.before) await this.#act(line);
      await this.#start();
      for (const reader of this.#readers) reader.begin();
      for (const [n, step] of this.#script.steps.entries()) await this.#step(step, `step ${n + 1}`);
    } finally {
      await this.#end();
    }
  }

  /** `..` leads out of the root, beside it. */
  readonly at = (name: string): Buffer => {
    const bytes = named(name);
    if (bytes === '.') return Buffer.from(this.root);
    const path = bytes.startsWith('../') ? bytes.slice(3) : `in/${bytes}`;
    return bytesOfName(`${nameOfText(this.base)}/${path}` as ReturnType<typeof named>);
  };

  async #start(): Promise<void> {
    const { options, watchers, watch } = this.#script;
    const given = { debounceMs: 20, ...options, ...(options.statePath ? { statePath: join(this.base, 'state') } : {}) };
    this.#readers = Array.from({ length: watchers }, () => new Reader({ backend: this.#backend, ...given }, this.root));
    for (const reader of this.#readers) for (const path of watch) await reader.watcher.watch(this.at(path));
    await this.#quiet();
  }

  async #step(step: Step, where: string): Promise<void> {
    const from = performance.now();
    const ran = this.#readers.filter(({ running }) => running);
    for (const line of step.do) await this.#act(line);
    for (let late = false; !late; ) {
      late = !step.eventually || performance.now() > from + DEADLINE_MS;
      await this.#quiet();
      const wrong = this.#watching(ran).flatMap((reader) => new StepEvents(reader).wrong(step));
      if (wrong.length === 0) break;
      if (late) assert.fail(`${where}, ${step.do.join('; ')}:\n  ${wrong.join('\n  ')}\n  events: ${this.#events()}`);
      await new Promise((turn) => setTimeout(turn, 20));
    }
    for (const reader of this.#readers) if (reader.running) this.#isTrue(reader, where);
    for (const reader of this.#readers) {
      if (!this.#watching(ran).includes(reader))
        assert.deepEqual(reader.events, [], `${where}: it emitted events after its stop`);
      reader.begin();
    }
  }

  /** The watchers that ran when the step started, and those that were started in it. */
  #watching(before: Reader[]): Reader[] {
    return this.#readers.filter((reader) => reader.running || before.includes(reader));
  }

  #events(): string {
    return JSON.stringify(this.#readers.map(({ events, said }) => ({ events, said })));
  }

  #isTrue({ saw }: Reader, where: string): void {
    for (const [path, { operation, kind, read }] of saw) {
      const bytes = this.at(path);
      if (operation === 'delete')
        assert(!isThere(bytes, this.root), `${where}: ${path} was reported as gone, and is there`);
      else assert.equal(content(bytes, kind), read, `${where}: ${path} differs from its last event`);
    }
  }

  async #quiet(): Promise<void> {
    for (const reader of this.#readers) if (reader.running) await inTime(reader.watcher.idle(), 'idle()');
  }

  async #act(line: string): Promise<void> {
    const [word, ...words] = line.split(' ');
    const act = ACTS[word!];
    if (act) await act(this, ...words);
    else await this.#direct(word!, words);
  }

  /** Actions on the watchers. */
  async #direct(word: string, words: string[]): Promise<void> {
    const [first] = this.#readers;
    if (word === 'quiet') await this.#quiet();
    else if (word === 'await') await inTime(first!.until(words.join(' ')), words.join(' '));
    else if (word === 'heard') await inTime(first!.hears(words[0]!), words[0]!);
    else if (word === 'pause') first!.pause();
    else if (word === 'resume') first!.resume();
    else if (word === 'stop') await inTime(first!.stop(), 'stop()');
    else if (word === 'abort') first!.abort();
    else if (word === 'ended') await inTime(first!.ended, 'the end of the events');
    else if (word === 'start') await this.#start();
    else if (word === 'watch') await first!.watcher.watch(this.at(words[0]!));
    else if (word === 'refused') await assert.rejects(first!.watcher.watch(this.at(words[0]!)), refusal(words[1]!));
    else assert.fail(`nobody knows how to ${word}`);
  }

  async #end(): Promise<void> {
    for (const reader of this.#readers) await reader.stop();
    for (const fd of this.held.values()) closeSync(fd);
    for (const server of this.servers.values()) server.close();
    if (this.#script.user !== undefined) execFileSync('chmod', ['-R', 'u+rwX', this.base]);
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** By its code, or by its class if it has none. */
const refusal = (wanted: string) => (error: Error & { code?: string }) => {
  assert([error.code, error.name].includes(wanted), `refused with ${error.name} ${error.code}: ${error.message}`);
  return true;
};

async function inTime<T>(done: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms in vain for ${what}`)), DEADLINE_MS);
  });
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}
