/** A state that a newer version wrote: each command refuses it with a sentence, and not a byte of it changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everythingIn } from '../world/listing.js';
import { refused } from '../world/lost.js';
import { alter } from '../world/state-by-hand.js';
import { createWorld } from '../world/world.js';

const COMMANDS = [
  ['ingest', '--once'],
  ['ingest-producer'],
  ['ingest-worker'],
  ['queue-stat'],
  ['ingest-ctl', 'held'],
  ['ingest-ctl', 'pause'],
] as const;

for (const module of ['queue', 'ledger', 'of-the-future']) {
  test(`a state with a newer ${module} is refused by every command and stays as it is`, async (t) => {
    const world = createWorld(t);
    world.drop('first.csv', 100);
    await world.runOnce();
    alter(world, 'INSERT INTO migrations VALUES (?, 1000, unixepoch())', module);
    world.drop('second.csv', 100);
    const before = everythingIn(world.root);
    for (const [command, ...args] of COMMANDS) {
      refused(await world.run(command, args), /state\.db was written by a newer version of this program: install/);
      assert.deepEqual(everythingIn(world.root), before, command);
    }
  });
}
