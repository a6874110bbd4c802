/** Hours and days with their `_SUCCESS`, after the state is lost: closed they stay, and an audit has nothing to say of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { loseState, rebuilt } from '../../world/lost.js';
import { rowsOf } from '../../world/state-by-hand.js';
import { createWorld, type World } from '../../world/world.js';

const WEST = { successMarkers: true, timezone: 'Etc/GMT+12' };
/** There that day is over. */
const inTheEast = (world: World): string[] =>
  world.flags('ingest').map((flag) => flag.replace('Etc/GMT+12', 'Etc/GMT-14'));

const periods = (world: World): string[] =>
  (rowsOf(world, 'SELECT folder, state FROM periods ORDER BY folder') as { folder: string; state: string }[]).map(
    ({ folder, state }) => `${folder.slice(world.root.length + 1)} ${state}`,
  );

/** A file is stored, and its hour and its day are marked. */
async function markedWorld(t: TestContext): Promise<{ world: World; marked: string[] }> {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, ...WEST } });
  world.drop('a.csv', 100);
  await world.runOnce();
  assert.equal((await world.launch('ingest', ['--once', ...inTheEast(world)]).ended).code, 0);
  const marked = periods(world);
  assert.ok(marked.length >= 2 && marked.every((one) => one.endsWith(' marked')), marked.join('\n'));
  return { world, marked };
}

test('a rebuilt state gets no line into an hour or a day that has its _SUCCESS', async (t) => {
  const { world, marked } = await markedWorld(t);
  assert.equal((await world.run('ingest-ctl', ['audit'])).code, 0);

  loseState(world);
  await rebuilt(world);
  assert.deepEqual(periods(world), marked);
  // By the clock of the far west, that day has hours to go.
  world.drop('b.csv', 100);
  await world.runOnce();
  world.check();
  assert.deepEqual(
    periods(world).filter((one) => one.endsWith(' marked')),
    marked,
  );
  const [day] = marked.filter((one) => one.startsWith('warehouse/')).map((one) => one.split(' ')[0]!);
  assert.deepEqual(readdirSync(join(world.root, day!)).sort(), ['_SUCCESS', 'a.csv']);
  assert.equal((await world.run('ingest-ctl', ['audit'])).code, 0);
  assert.equal((await world.run('ingest-ctl', ['learn', world.feed().warehouse])).code, 0);
  assert.deepEqual(rowsOf(world, 'SELECT row FROM contents WHERE size = 0'), [], 'a marker is no content');
});

test('an hour whose manifest was rotated gets its _SUCCESS after a rebuild too', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, ...WEST } });
  world.drop('a.csv', 100);
  await world.runOnce();
  const path = join(world.feed().manifests, world.manifest()[0]!.file);
  writeFileSync(`${path}.1.gz`, gzipSync(readFileSync(path)));
  rmSync(path);
  loseState(world);
  await rebuilt(world);
  assert.equal((await world.launch('ingest', ['--once', ...inTheEast(world)]).ended).code, 0);
  const all = periods(world);
  assert.ok(all.length === 2 && all.every((one) => one.endsWith(' marked')), all.join('\n'));
});

test('an hour whose manifest was moved away stays closed after a rebuild', async (t) => {
  const { world, marked } = await markedWorld(t);
  assert.equal(marked.filter((one) => one.startsWith('manifests/')).length, 1);
  rmSync(join(world.feed().manifests, world.manifest()[0]!.file));
  loseState(world);
  await rebuilt(world);
  assert.deepEqual(periods(world), marked);
});
