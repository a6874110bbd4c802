/**
 * A second state on the input or the manifests of another one: refused by each command that enters a feed, before anything
 * is made or written, also in the second state itself.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { everythingIn } from '../world/listing.js';
import { refused } from '../world/lost.js';
import type { Ended } from '../world/program.js';
import { alter, rowsOf } from '../world/state-by-hand.js';
import { createWorld, type World } from '../world/world.js';

/** A world at rest in which one file is stored. */
async function settledWorld(t: TestContext, name: string): Promise<World> {
  const world = createWorld(t);
  world.drop(name, 100);
  await world.runOnce();
  return world;
}

interface Folders {
  input: string;
  warehouse: string;
  manifests: string;
}

const flagsOf = (folders: Folders, statePath: string): string[] => [
  ...Object.entries({ ...folders, 'state-path': statePath }).map(([name, path]) => `--${name}=${path}`),
  ...['--stability-seconds=0', '--quiet-ms=0'],
];

/** The two that must be refused: an input, and manifests, that belong to the state of `world`. */
function foldersOfOthers(world: World): [what: string, Folders][] {
  const made = (name: string): string => {
    const path = join(world.root, 'second', name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const { input, manifests } = world.feed();
  return [
    ['the same input', { input, warehouse: made('warehouse'), manifests: made('manifests') }],
    ['the same manifests', { input: made('input'), warehouse: made('warehouse'), manifests }],
  ];
}

function secondRefused(ended: Ended, first: World, second: string): void {
  refused(ended, /belongs to the state .*--state-path/);
  // A line of text, or an event where the log has begun.
  const sentences = ended.stderr
    .split('\n')
    .filter(Boolean)
    .flatMap(
      (line) => (line.startsWith('{') ? (JSON.parse(line) as { reason?: string }) : { reason: line }).reason ?? [],
    );
  assert.equal(sentences.length, 1, ended.stderr);
  assert(sentences[0]!.includes(first.statePath) && sentences[0]!.includes(second), sentences[0]);
}

const COMMANDS = [['ingest', '--once'], ['ingest-producer']] as const;

test('a second state that is not there yet is refused, and nothing is made', async (t) => {
  const world = await settledWorld(t, 'first.csv');
  const cases = foldersOfOthers(world);
  const before = everythingIn(world.root);
  for (const [what, folders] of cases) {
    for (const path of [join(world.root, 'state', 'other.db'), join(world.root, 'new', 'other.db')]) {
      for (const [command, ...args] of COMMANDS) {
        secondRefused(await world.launch(command, [...flagsOf(folders, path), ...args]).ended, world, path);
        assert.deepEqual(everythingIn(world.root), before, `${command}, ${what}`);
      }
    }
  }
});

test('a state of other folders is refused on these, and neither it nor anything else is changed', async (t) => {
  const world = await settledWorld(t, 'first.csv');
  const other = await settledWorld(t, 'others.csv');
  const cases = foldersOfOthers(world);
  const everything = () => [everythingIn(world.root), everythingIn(other.root)];
  const before = everything();
  for (const [what, folders] of cases) {
    for (const [command, ...args] of COMMANDS) {
      const ended = await world.launch(command, [...flagsOf(folders, other.statePath), ...args]).ended;
      secondRefused(ended, world, other.statePath);
      assert.deepEqual(everything(), before, `${command}, ${what}`);
    }
  }
});

test('running processes of the other state go on with their own folders', async (t) => {
  const world = await settledWorld(t, 'first.csv');
  const other = createWorld(t);
  const program = other.start('ingest');
  await other.isStored(other.drop('before.csv', 100));
  const recorded = () => [rowsOf(other, 'SELECT * FROM feeds'), rowsOf(other, 'SELECT * FROM roots')];
  const before = recorded();
  for (const [, folders] of foldersOfOthers(world)) {
    const ended = await world.launch('ingest-producer', flagsOf(folders, other.statePath)).ended;
    secondRefused(ended, world, other.statePath);
    assert.deepEqual(recorded(), before);
  }
  await other.isStored(other.drop('after.csv', 100));
  assert.equal((await program.stop()).code, 0);
  other.check();
  world.check();
});

test('a worker refuses a feed of its state whose folders belong to another one', async (t) => {
  const world = await settledWorld(t, 'first.csv');
  for (const [what, folders] of foldersOfOthers(world)) {
    const other = await settledWorld(t, 'others.csv');
    // As a version that recorded options before it looked at the folders left it.
    alter(other, "UPDATE feeds SET options = json_patch(options, ?) WHERE name = 'default'", JSON.stringify(folders));
    // In its state the worker is an owner for a moment.
    const outside = () =>
      [world, other].map(({ root }) => everythingIn(root).filter((line) => !/^state\/state\.db/.test(line)));
    const before = outside();
    secondRefused(await other.run('ingest-worker'), world, other.statePath);
    assert.deepEqual(outside(), before, what);
  }
});
