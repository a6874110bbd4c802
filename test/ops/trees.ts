/** The trees of ops/artefacts and what `npm pack` makes of them, for tests. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PACKAGE } from '../world/program.js';

export interface Entry {
  version: string;
  license: string;
  integrity: string;
}
export interface Packed {
  name: string;
  version: string;
  bin?: Record<string, string>;
  man?: string[];
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
}
type Trees = {
  productTree(tree: string, absent: () => void): Packed;
  watcherTree(tree: string): Packed;
};
export const script = (name: string): Promise<unknown> => import(join(PACKAGE, 'ops/artefacts', name));
export const { productTree, watcherTree } = (await script('trees.mjs')) as Trees;
export const { everyPackage, nameAt } = (await script('lock.mjs')) as {
  everyPackage(): Map<string, Entry>;
  nameAt(path: string): string;
};
export const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'artefacts-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs `npm pack` in the tree. Returns the paths that it packs. */
export function pack(tree: string, ...args: string[]): string[] {
  const options = { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 } as const;
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--json', ...args], options));
  return (files as { path: string }[]).map(({ path }) => path);
}

/** Each file that package.json names is packed. */
export function assertNamed({ exports, bin = {}, man = [] }: Packed, files: readonly string[]): void {
  const exported = Object.values(exports).flatMap((one) => (typeof one === 'string' ? [one] : Object.values(one)));
  for (const path of [...exported, ...Object.values(bin), ...man])
    assert.ok(files.includes(path.replace('./', '')), `${path} is named by package.json and not packed`);
}
