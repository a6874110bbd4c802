/** Shared by the short sequences of verbs: the commands of an operator in a world, and its clock. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { Control, compilePreload } from '../crash/control.js';
import { backedUp, rebuilt, refused, restore } from '../world/lost.js';
import { manifestLines } from '../world/manifest.js';
import { createWorld, type World } from '../world/world.js';

/** It moves the clock. */
const TOOLS = mkdtempSync(join(tmpdir(), 'ingest-operators-'));
after(() => rmSync(TOOLS, { recursive: true }));
const LIBRARY = compilePreload(TOOLS);
export const withTime = {
  skip:
    LIBRARY === undefined &&
    'no C compiler, so no clock can be moved: what comes after a minute or an hour was not tested',
};
export const WHY = ['--reason', 'by the test'];
/** A zone in which it is about noon, so that no day ends in the middle of a test: names are taken or free within a day. */
function noonZone(): string {
  const hours = 12 - new Date().getUTCHours();
  return `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`; // the sign of these names is inverted
}

export const AT_ONCE = { options: { stabilitySeconds: 0, quietMs: 0, timezone: noonZone() } };

export const ctl = (world: World, ...words: string[]) => world.run('ingest-ctl', words);
export async function ctlDone(world: World, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await ctl(world, ...words);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}
/** Ends with everything settled. */
export async function dropped(world: World, name: string, content: Buffer): Promise<string> {
  const { sha256 } = world.drop(name, content);
  await world.runOnce();
  return sha256;
}
export async function worldWith(t: TestContext): Promise<{ world: World; content: Buffer; sha256: string }> {
  const world = createWorld(t, AT_ONCE);
  const content = world.content(700);
  return { world, content, sha256: await dropped(world, 'orders.csv', content) };
}
/** Ends with its file taken out. */
export async function withdrawn(world: World, word: string, sha256 = word): Promise<void> {
  await ctlDone(world, 'withdraw', word, ...WHY);
  await world.runOnce();
  world.withdrawn.add(sha256);
}
/** A backup is made before `act` and comes back after it. It is refused until rebuild, and all agree then. */
export async function actedOverBackup(world: World, act: () => Promise<void>): Promise<void> {
  const backup = backedUp(world);
  await act();
  restore(world, backup);
  refused(await world.run('ingest', ['--once']), /this state does not know/);
  await rebuilt(world);
  await world.runOnce();
  await agrees(world);
}
export async function allowed(world: World, sha256: string): Promise<void> {
  await ctlDone(world, 'allow-again', sha256, ...WHY);
  world.generations.set(sha256, 1 + (world.generations.get(sha256) ?? 1));
}
/** A name that was freed in the warehouse is given again only seconds later: until then it is reserved. */
export async function afterAMinute(world: World): Promise<void> {
  await withClock(world, 60_000, (env) => world.runOnce([], { env }));
}
export async function withClock(
  world: World,
  ms: number,
  act: (env: NodeJS.ProcessEnv) => Promise<unknown>,
): Promise<void> {
  const control = new Control(join(world.root, 'control'));
  control.set('wall_ns', ms * 1e6);
  await act({ LD_PRELOAD: LIBRARY, CRASH_CONTROL: control.path });
  control.close();
}
export const pathOf = (world: World, line: number): string => world.manifest()[line]!.record!.warehouse_path;
export const corrections = (world: World): number => manifestLines(world.feed().manifests, 'corrections.jsonl').length;

/** Every line has its file in the warehouse, and an audit that reads every byte agrees. */
export async function agrees(world: World): Promise<void> {
  world.check();
  const { code, stdout, stderr } = await ctl(world, 'audit', '--hash');
  assert.equal(code, 0, stdout + stderr);
}
