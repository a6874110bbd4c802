/** Folders for one test, a listing of all that is in them, and a real `ingest` to refuse with. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configOf } from '../../../src/base/config/load.js';
import type { Config } from '../../../src/base/config/options.js';
import { readInvocation } from '../../../src/base/config/read.js';
import { OperatorError } from '../../../src/base/errors.js';
import { DEADLINE_MS } from '../../world/waiting.js';

export interface Folders {
  root: string;
  input: string;
  warehouse: string;
  manifests: string;
  /** --input, --warehouse and --manifests. */
  flags: string[];
  env: NodeJS.ProcessEnv;
}

export function makeFolders(t: TestContext): Folders {
  const root = mkdtempSync(join(tmpdir(), 'config-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [input, warehouse, manifests] = ['input', 'warehouse', 'manifests'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [input, warehouse, manifests]) mkdirSync(folder);
  const flags = ['--input', input, '--warehouse', warehouse, '--manifests', manifests];
  return { root, input, warehouse, manifests, flags, env: { XDG_STATE_HOME: join(root, 'state') } };
}

export const load = (folders: Folders, argv: string[], env: NodeJS.ProcessEnv = {}): Config =>
  configOf(readInvocation('ingest', argv, { ...folders.env, ...env }), { ...folders.env, ...env });

/** The refusal, or a failure of the test. */
export function refusal(act: () => unknown): OperatorError {
  try {
    act();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** Every path below `root` with what a change would alter. */
export function listing(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => `${name} ${lstatSync(join(root, name)).mtimeMs}`)
    .sort();
}

export function runCommand(command: string, folders: Folders, argv: string[], env: NodeJS.ProcessEnv = {}) {
  const program = fileURLToPath(new URL(`../../../../bin/${command}`, import.meta.url));
  const all = { PATH: process.env.PATH, HOME: folders.root, ...folders.env, ...env };
  return spawnSync(program, argv, { encoding: 'utf8', env: all, timeout: DEADLINE_MS });
}
