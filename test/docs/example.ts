/**
 * A ```ts example of a document: type-checked against the types of the package, and run as a program of its own on the
 * package as others import it. Its absolute paths lie below a temporary folder; nothing else of its text is another.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { Bell } from '../world/bell.js';
import { PACKAGE } from '../world/program.js';
import type { Did } from './example-helpers.js';

const HELPERS = join(import.meta.dirname, 'example-helpers.js');

/** Helpers that the examples call and do not define. */
const DECLARED = `
declare function copy(path: string, kind: string): Promise<void>;
declare function remove(path: string): Promise<void>;
declare function indexAll(path: string): Promise<void>;
declare function index(key: Buffer, operation: string): Promise<void>;
declare function running(one: { stop(): Promise<unknown> }): void;
`;

export const examplesOf = (document: string): string[] =>
  [...readFileSync(join(PACKAGE, document), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);

const WATCHER = ['watcher', /^await watcher\.watch\(.*$/m] as const;

export class Example {
  readonly base = mkdtempSync(join(tmpdir(), 'example-'));
  readonly did: Did[] = [];
  stderr = '';
  #child: ChildProcess | undefined;
  readonly #bell = new Bell(() => `did: ${JSON.stringify(this.did)}; stderr: ${this.stderr}`);

  /** `watching`: the name of what can be stopped, and the statement after which it runs. */
  constructor(t: TestContext, text: string, watching: readonly [name: string, statement: RegExp] = WATCHER) {
    t.after(() => this.#end());
    const moved = text.replace(/'(\/[\w./-]+)'/g, (_, path: string) => {
      mkdirSync(this.at(dirname(path)), { recursive: true });
      return `'${this.at(path)}'`;
    });
    const [name, statement] = watching;
    assert.match(moved, statement, 'the statement after which it runs');
    mkdirSync(this.at('node_modules'));
    symlinkSync(PACKAGE, this.at('node_modules/atomic-ingestor'));
    symlinkSync(join(PACKAGE, 'node_modules/@types'), this.at('node_modules/@types'));
    writeFileSync(this.at('example.ts'), moved.replace(statement, `$&\nrunning(${name});`));
    writeFileSync(this.at('helpers.d.ts'), DECLARED);
    writeFileSync(this.at('package.json'), '{ "type": "module" }');
    writeFileSync(this.at('tsconfig.json'), JSON.stringify(TSCONFIG));
    const compiler = join(PACKAGE, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', this.base], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  }

  at(path: string): string {
    return join(this.base, path);
  }

  /** Until it watches. */
  async start(): Promise<void> {
    this.did.length = 0;
    const child = fork(this.at('example.js'), {
      execArgv: ['--import', HELPERS],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#bell.ring();
    });
    child.on('message', (did: Did) => {
      this.did.push(did);
      this.#bell.ring();
    });
    await this.untilDid('running');
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.#bell.until(what, holds);
  }

  /** Until a helper was called with these words; paths are those of the document. */
  untilDid(...words: string[]): Promise<void> {
    const wanted = words.map((word) => (word.startsWith('/') ? this.at(word) : word)).join(' ');
    return this.until(wanted, () => this.did.some((did) => did.join(' ') === wanted));
  }

  /** Calls `stop` of the watcher or the mirror. Returns the exit code of the program, which has to end by itself. */
  async stop(): Promise<number | null> {
    const ended = once(this.#child!, 'exit');
    this.#child!.send('stop');
    const [code] = await ended;
    return code as number | null;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async #end(): Promise<void> {
    await this.kill();
    rmSync(this.base, { recursive: true, force: true });
  }
}

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023'],
    module: 'NodeNext',
    strict: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    skipLibCheck: true,
    types: ['node'],
  },
  files: ['example.ts', 'helpers.d.ts'],
};
