/**
 * Helpers for tests of a lost state: lose it, rebuild it, drop everything again.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { copyDatabase } from './database.js';
import { bindMount, unmount } from './mounts.js';
import type { Ended } from './program.js';
import { until } from './waiting.js';
import type { World } from './world.js';

export const rebuild = (world: World): Promise<Ended> =>
  world.launch('ingest-ctl', ['rebuild', ...world.flags('ingest')]).ended;

export async function rebuilt(world: World): Promise<Ended> {
  const ended = await rebuild(world);
  assert.equal(ended.code, 0, `${ended.stdout}${ended.stderr}`);
  return ended;
}

export function refused(ended: Ended, code: RegExp): void {
  assert.equal(ended.code, 3, ended.stdout + ended.stderr);
  assert.match(ended.stderr, code);
  assert.doesNotMatch(ended.stderr, /^ {4}at /m, 'no stack');
}

/** The state and the files beside it. */
export const stateFiles = (world: World): string[] => readdirSync(dirname(world.statePath)).sort();

export function loseState(world: World): void {
  for (const name of stateFiles(world)) rmSync(join(dirname(world.statePath), name));
}

/** A consistent copy of the current state, as a backup makes it beside working processes. Returns its path. */
export function backedUp(world: World): string {
  const copy = join(world.root, `backup-${readdirSync(world.root).length}-${process.hrtime.bigint()}.db`);
  copyDatabase(world.statePath, copy);
  return copy;
}

/** Restores the backup, while everything else stays as it is now. */
export function restore(world: World, copy: string): void {
  loseState(world);
  copyFileSync(copy, world.statePath);
}

/** A new world whose state is older than its manifests: it knows the first of two files. */
export async function withOlderState(world: World): Promise<void> {
  world.drop('first.csv', 100);
  await world.runOnce();
  const older = backedUp(world);
  world.drop('second.csv', 100);
  await world.runOnce();
  restore(world, older);
}

export function dropAgain(world: World): void {
  const stored = new Map(world.manifest().map(({ record }) => [record!.sha256, record!.warehouse_path]));
  for (const { name, sha256 } of [...world.dropped]) world.drop(`again-${name}`, readFileSync(stored.get(sha256)!));
}

/** Stops everything when this many files wait for a paused stage. */
export async function stoppedBefore(world: World, stage: string, files: () => void, count: number): Promise<void> {
  const program = world.start('ingest');
  await until('the state', () => world.database() !== undefined);
  await world.run('ingest-ctl', ['pause', stage]);
  files();
  const waiting = () => world.jobs().filter((job) => job.stage === stage && job.state === 'ready').length;
  await until(`${count} files before ${stage}`, () => waiting() === count);
  await program.stop();
}

/** A file in a mount below the input waits before that stage. Returns what takes the mount away and brings it back. */
export async function stoppedInMount(world: World, stage: string): Promise<{ away: () => void; back: () => void }> {
  const [disk, usb] = [join(world.root, 'disk'), join(world.input, 'usb')];
  mkdirSync(disk);
  const back = () => void bindMount(disk, usb);
  back();
  await world.runOnce();
  await stoppedBefore(world, stage, () => world.drop('usb/a.csv', 100), 1);
  return { away: () => void unmount(usb), back };
}
