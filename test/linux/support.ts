/**
 * Helpers of this folder: a directory for each scenario, and Node processes that may die.
 * Guarantees: everything made here is removed when the scenario ends, and children are ended by their own pid.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { AT_FDCWD, nameOfText, openDirectory } from '../../src/linux/index.js';

export const isRoot = process.getuid?.() === 0;
/** A reason for `skip`: says what was not tested, and why. */
export const onlyRoot = (what: string): string | false => !isRoot && `not root: ${what} was not tested`;

export function directoryFor(t: TestContext, under = tmpdir()): string {
  const path = mkdtempSync(join(under, 'linux-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export const openPath = (path: string): number => openDirectory(AT_FDCWD, nameOfText(path));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  nodeArgs?: string[];
  /** Arguments after the source, as `process.argv[1]` and so on. */
  args?: string[];
  env?: NodeJS.ProcessEnv;
  /** A program that starts Node, such as `prlimit`. */
  through?: string[];
}

/** A module in which `linux` is src/linux, `fs` is node:fs, and `args` are the arguments. */
export function startNode(t: TestContext, source: string, options: RunOptions = {}): ChildProcess {
  const prelude = [
    `import * as linux from ${JSON.stringify(new URL('../../src/linux/index.js', import.meta.url).href)};`,
    `import fs from 'node:fs'; const args = process.argv.slice(1);`,
  ];
  const node = [process.execPath, ...(options.nodeArgs ?? []), '--input-type=module', '-e', prelude.join('') + source];
  const [program, ...rest] = [...(options.through ?? []), ...node, '--', ...(options.args ?? [])];
  const child = spawn(program!, rest, { env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.exitCode ?? child.signalCode ?? child.kill('SIGKILL'));
  return child;
}

/** Runs the child to its end. If the child never ends, the scenario's own time limit fails it. */
export async function runNode(t: TestContext, source: string, options: RunOptions = {}): Promise<Ended> {
  return ended(startNode(t, source, options));
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const told = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text) => {
    told.stdout += text;
  });
  child.stderr?.on('data', (text) => {
    told.stderr += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...told };
}

export function assertSucceeded(result: Ended): void {
  assert.equal(result.signal, null, result.stderr);
  assert.equal(result.code, 0, result.stderr);
}

/** The lines of a child as they come. If it ends first, that is an error with its stderr. */
export function linesOf(child: ChildProcess): () => Promise<string> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  let stderr = '';
  child.stderr!.on('data', (text) => {
    stderr += text;
  });
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the child ended before its next line: ${stderr}`);
    return value;
  };
}
