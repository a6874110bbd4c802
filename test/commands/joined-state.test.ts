/** A state of the version before: where it has joined a shared ledger, each command refuses it with a sentence; else it goes on. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { everythingIn } from '../world/listing.js';
import { rebuild, refused } from '../world/lost.js';
import { makeBefore, sharedIn } from '../world/state-before.js';
import { createWorld, type World } from '../world/world.js';

const MINUTES = { timeout: 240_000 };

const commandsFor = (root: string): readonly (readonly [command: string, ...args: string[]])[] => [
  ['ingest', '--once'],
  ['ingest', '--dry-run'],
  ['ingest-producer'],
  ['ingest-worker'],
  ['queue-stat'],
  ['ingest-ctl', 'explain', 'first.csv'],
  ['ingest-ctl', 'audit'],
  ['ingest-ctl', 'held'],
  ['ingest-ctl', 'retry', '--all'],
  ['ingest-ctl', 'discard', '--all'],
  ['ingest-ctl', 'pause'],
  ['ingest-ctl', 'resume'],
  ['ingest-ctl', 'learn', join(root, 'learned')],
  ['ingest-ctl', 'allow-again', 'first.csv', '--reason', 'test'],
  ['ingest-ctl', 'withdraw', 'first.csv', '--reason', 'test'],
  ['ingest-ctl', 'backup', join(root, 'backup.db')],
  ['ingest-ctl', 'prune'],
  ['ingest-ctl', 'retire', 'default'],
  ['ingest-ctl', 'replace-warehouse', join(root, 'learned')],
];

/** Everything but the empty beginning of the backup that was refused. */
const kept = ({ root }: World): string[] => everythingIn(root).filter((line) => !line.startsWith('backup.db.part '));

test('a state that joined a shared ledger is refused by every command and stays as it is', MINUTES, async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  makeBefore(world.statePath, { joined: true });
  world.drop('second.csv', 100);
  mkdirSync(join(world.root, 'learned'));
  const before = kept(world);
  const isRefusal = new RegExp(`the state ${world.statePath} has joined a ledger that several hosts share, and this`);
  for (const [command, ...args] of commandsFor(world.root)) {
    refused(await world.run(command, args), isRefusal);
    assert.deepEqual(kept(world), before, [command, ...args].join(' '));
  }
  refused(await rebuild(world), isRefusal);
  refused(await world.launch('ingest-dashboard', ['--state-path', world.statePath]).ended, isRefusal);
  assert.deepEqual(kept(world), before);
  const doctor = await world.launch('ingest-ctl', ['doctor', ...world.flags('ingest')]).ended;
  assert.equal(doctor.code, 3);
  assert.match(doctor.stdout, isRefusal);
});

test('a state that never joined goes on: what it knows is a duplicate', MINUTES, async (t) => {
  const world = createWorld(t);
  const bytes = Buffer.from('the same content');
  world.drop('first.csv', bytes);
  await world.runOnce();
  makeBefore(world.statePath, { joined: false });
  world.drop('again.csv', bytes);
  world.drop('second.csv', 100);
  await world.runOnce();
  assert.deepEqual(sharedIn(world.statePath), []);
  assert.equal(world.duplicates().length, 1);
  world.check();
});
