/** Folders that this user cannot read: what was not looked at is named, and is not counted as done. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rebuild } from '../world/lost.js';
import type { Ended } from '../world/program.js';
import { give, isRoot, ordinaryUser, skipUnlessReachable } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';

/** `closed` cannot be read; `listed` gives its names and cannot be entered. */
const MODES = { closed: 0o000, listed: 0o444 };

/**
 * A world of a user for whom permissions count. Undefined, with the test skipped, where that cannot be. `closed`: folders to be
 * opened again, so that an ordinary user can remove the world.
 */
function ordinaryWorld(t: TestContext): { world: World; closed: string[] } | undefined {
  if (skipUnlessReachable(t, ordinaryUser, 'folders that cannot be read')) return undefined;
  const closed: string[] = [];
  t.after(() => closed.forEach(open));
  const world = createWorld(t, { user: ordinaryUser });
  world.drop('a.csv', 100);
  return { world, closed };
}

const open = (folder: string): void => chmodSync(folder, 0o700);

/** Two folders with a file each, below `root`. */
function unreadable(root: string): string[] {
  return Object.entries(MODES).map(([name, mode]) => {
    const folder = join(root, name);
    mkdirSync(folder);
    writeFileSync(join(folder, `${name}.csv`), name);
    if (isRoot) give(ordinaryUser, folder);
    if (isRoot) give(ordinaryUser, join(folder, `${name}.csv`));
    chmodSync(folder, mode);
    return folder;
  });
}

const run = (world: World, command: string, args: readonly string[] = []): Promise<Ended> =>
  world.run(command, args, { user: ordinaryUser });

test('--once and --dry-run end with 4 and name each folder of the input that could not be read', async (t) => {
  const made = ordinaryWorld(t);
  if (!made) return;
  const { world, closed } = made;
  const folders = unreadable(world.input);
  closed.push(...folders);
  const dry = await run(world, 'ingest', ['--dry-run']);
  assert.equal(dry.code, 4, dry.stdout + dry.stderr);
  for (const name of Object.keys(MODES))
    assert.match(dry.stdout, new RegExp(`^unread\t${name}\tit cannot be looked at \\(EACCES\\)`, 'm'));
  const once = await run(world, 'ingest', ['--once']);
  assert.equal(once.code, 4, once.stderr);
  assert.match(
    once.stderr,
    new RegExp(`"text":"ingest: 2 paths could not be looked at, [^"]+: ${folders.join(', ')}"`),
  );
  assert.equal(world.manifest().length, 1, 'the other file is in');
  folders.forEach(open);
  assert.equal((await run(world, 'ingest', ['--once'])).code, 0);
  assert.equal(world.manifest().length, 3);
});

test('learn leaves out what it cannot read, and names it; the rest is learned', async (t) => {
  const made = ordinaryWorld(t);
  if (!made) return;
  const { world, closed } = made;
  assert.equal((await run(world, 'ingest', ['--once'])).code, 0);
  const old = join(world.root, 'old');
  mkdirSync(old);
  writeFileSync(join(old, 'b.csv'), 'b');
  const folders = unreadable(old);
  closed.push(...folders);
  const learned = await run(world, 'ingest-ctl', ['learn', old]);
  assert.equal(learned.code, 4, learned.stderr);
  assert.match(learned.stdout, /^1 content learned .+, 2 left out; run it again for them$/m);
  for (const folder of folders) assert.match(learned.stderr, new RegExp(`${folder} is left out: .+ \\(EACCES\\)`));
});

test('audit and rebuild judge nothing while a folder of the warehouse cannot be read: a sentence with the folder, and 3', async (t) => {
  const made = ordinaryWorld(t);
  if (!made) return;
  const { world, closed } = made;
  assert.equal((await run(world, 'ingest', ['--once'])).code, 0);
  const { warehouse } = world.feed();
  const day = join(warehouse, readdirSync(warehouse).find((name) => name.startsWith('ingest_date='))!);
  closed.push(day);
  for (const mode of Object.values(MODES)) {
    chmodSync(day, mode);
    const audit = await run(world, 'ingest-ctl', ['audit']);
    assert.deepEqual([audit.code, audit.stdout], [3, '']);
    assert.match(
      audit.stderr,
      new RegExp(`^ingest-ctl: the warehouse ${day} may not be entered .+; then audit again\\.$`),
    );
  }
  rmSync(world.statePath);
  for (const mode of Object.values(MODES)) {
    chmodSync(day, mode);
    const rebuilt = await rebuild(world);
    assert.equal(rebuilt.code, 3, rebuilt.stderr);
    assert.match(rebuilt.stderr, new RegExp(`^ingest-ctl: the warehouse ${day} may not be entered .+ again\\.$`));
  }
});
