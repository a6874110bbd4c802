/**
 * A mount whose server is gone, under one feed: no process of the service hangs in it for good, the finding names it, the other feeds
 * go on, also through restarts, and its own files go on by themselves once it answers.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { holdReady, pause, withState } from '../world/hand.js';
import { canMake, loopMount, servedMount, unmount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const FEED = { options: { stabilitySeconds: 0, quietMs: 0 } };
const STALL = ['--stall-seconds', '8'];
type Place = 'input' | 'warehouse';

interface Served {
  world: World;
  server: { kill(signal: NodeJS.Signals): boolean };
  below: string;
  at: string;
}

/** A place of the feed `prices` is served; one file of it is stored. */
async function served(t: TestContext, place: Place): Promise<Served | undefined> {
  if (skipUnlessRoot(t, `a dead mount as ${place}`)) return undefined;
  const world = createWorld(t, { feeds: { orders: FEED, prices: FEED } });
  const below = join(world.root, 'below');
  mkdirSync(below);
  const at = world.feed('prices')[place];
  const server = await servedMount(below, at);
  if (!server) {
    t.skip(`no bindfs or no FUSE: a dead mount as ${place} was not tested`);
    return undefined;
  }
  world.drop('first.csv', 10, { feed: 'prices' });
  await world.runOnce();
  return { world, server, below, at };
}

const named = (world: World, finding: RegExp): Promise<boolean> =>
  until(`a finding ${finding}`, async () =>
    finding.test((await world.run('queue-stat', ['--all'])).stdout.replace(/\s+/g, ' ')),
  );

async function othersGoOn(world: World, name: string): Promise<void> {
  await world.isStored(world.drop(name, 10, { feed: 'orders' }));
}

for (const place of ['input', 'warehouse'] as const) {
  test(`the ${place} of one feed does not answer at a start: its gate says so, and it is entered once it answers`, async (t) => {
    const { world, server } = (await served(t, place)) ?? {};
    if (!world || !server) return;
    const waits = place === 'input' ? undefined : world.drop('waits.csv', 10, { feed: 'prices' });
    server.kill('SIGSTOP');
    const ingest = world.start('ingest', STALL);
    await othersGoOn(world, 'other.csv');
    await named(world, new RegExp(`every stage of prices is closed, stuck at the ${place}: .* does not answer`));
    assert.equal(world.log.named('worker_lost').length, 0, 'nobody hung');
    ingest.kill('SIGKILL');
    await ingest.ended;
    world.start('ingest', [...STALL, '--workers', 'all=2']);
    await othersGoOn(world, 'after a kill.csv');
    server.kill('SIGCONT');
    await world.isStored(waits ?? world.drop('waits.csv', 10, { feed: 'prices' }));
    await until('its gates are open', () => world.gates().length === 0);
    await world.allDone();
    await world.stop();
    world.check();
  });
}

test('a command that ends says which folder does not answer, and touches nothing there', async (t) => {
  const { world, server, at } = (await served(t, 'warehouse')) ?? {};
  if (!world || !server) return;
  server.kill('SIGSTOP');
  const folders = world.flags('ingest');
  const asked = [world.launch('ingest', ['--once', ...folders]), world.launch('ingest-ctl', ['doctor', ...folders])];
  for (const { ended } of asked) {
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 3, stderr);
    assert.match(`${stdout}${stderr}`, new RegExp(`warehouse ${at} does not answer[:;] check its mount`));
  }
  server.kill('SIGCONT');
  await world.runOnce();
  world.check();
});

test('explain and discard end while a warehouse does not answer, and say so', async (t) => {
  const { world, server } = (await served(t, 'warehouse')) ?? {};
  if (!world || !server) return;
  await pause(world.statePath, 'move');
  const ingest = world.start('ingest');
  world.drop('line.csv', 10, { feed: 'prices' });
  const isBeforeMove = () => world.jobs('prices').some(({ stage, state }) => stage === 'move' && state === 'ready');
  await until('it has its line', isBeforeMove);
  await ingest.stop();
  const id = (name: string) => world.jobs('prices').find(({ key }) => key === name)!.id;
  await withState(world.statePath, (backend) => holdReady(backend, [id('line.csv')], 'eacces'));
  server.kill('SIGSTOP');
  const asked = ['explain', 'discard'].map((verb, n) =>
    world.run('ingest-ctl', [verb, id(['first.csv', 'line.csv'][n]!)]),
  );
  const [explained, discarded] = await Promise.all(asked);
  server.kill('SIGCONT');
  for (const { stdout, stderr } of [explained!, discarded!])
    assert.match(`${stdout}${stderr}`.replace(/\s+/g, ' '), /the warehouse .* does not answer/);
  assert.deepEqual([explained!.code, discarded!.code], [0, 3]);
});

test('explain of a path in an input that does not answer ends, and says so', async (t) => {
  const { world, server } = (await served(t, 'input')) ?? {};
  if (!world || !server) return;
  server.kill('SIGSTOP');
  const { code, stdout } = await world.run('ingest-ctl', ['explain', join(world.feed('prices').input, 'first.csv')]);
  server.kill('SIGCONT');
  assert.equal(code, 0);
  assert.match(stdout.replace(/\s+/g, ' '), /the input .* does not answer/);
});

test('the server of an input dies and is not replaced: a start goes on without it, and takes what is mounted there later', async (t) => {
  const { world, server, below, at } = (await served(t, 'input')) ?? {};
  if (!world || !server) return;
  server.kill('SIGKILL');
  await until('it has died', async () => /server is gone/.test((await world.run('ingest', ['--once'])).stderr));
  world.start('ingest', STALL);
  await othersGoOn(world, 'other.csv');
  await named(world, /every stage of prices is closed, ENOTCONN at the input: .* server is gone/);
  unmount(at!);
  assert.ok(await servedMount(below!, at!));
  await world.isStored(world.drop('later.csv', 10, { feed: 'prices' }));
  await until('its gates are open', () => world.gates().length === 0);
  await world.allDone();
  await world.stop();
  world.check();
});

test('an input stops answering while it is scanned: its producer ends once, and then only this feed waits', async (t) => {
  const { world, server } = (await served(t, 'input')) ?? {};
  if (!world || !server) return;
  world.start('ingest', [...STALL, '--poll', '--scan-interval-seconds', '1']);
  await othersGoOn(world, 'before.csv');
  server.kill('SIGSTOP');
  await world.event('worker_stalled', ({ worker }) => worker === 'producer');
  await othersGoOn(world, 'other.csv');
  await named(world, /every stage of prices is closed, stuck at the input/);
  server.kill('SIGCONT');
  await world.isStored(world.drop('again.csv', 10, { feed: 'prices' }));
  assert.equal(world.log.named('worker_stalled').length, 1);
  await world.allDone();
  await world.stop();
  world.check();
});

test('a disk that answers every use with an I/O error while its mount answers: a start goes on without its feed', async (t) => {
  if (skipUnlessRoot(t, 'a filesystem that shut itself down')) return;
  if (!canMake('xfs') || skipUnlessInstalled(t, 'xfs_io', 'a filesystem that shut itself down')) return;
  const world = createWorld(t, { feeds: { orders: FEED, prices: FEED } });
  const { input } = world.feed('prices');
  loopMount(input, { type: 'xfs' });
  world.drop('before.csv', 10, { feed: 'prices' });
  await world.runOnce();
  execFileSync('xfs_io', ['-x', '-c', 'shutdown', input]);
  world.start('ingest');
  await othersGoOn(world, 'other.csv');
  await named(world, /every stage of prices is closed, EIO at the (input|work)/);
  assert.deepEqual(world.log.named('worker_lost'), []);
  await world.stop();
});

test('a warehouse that is frozen answers each question and takes no write: no process hangs in a probe, the other feed goes on', async (t) => {
  if (skipUnlessRoot(t, 'a frozen warehouse') || skipUnlessInstalled(t, 'fsfreeze', 'a frozen warehouse')) return;
  const world = createWorld(t, { feeds: { orders: FEED, prices: FEED } });
  const { warehouse } = world.feed('prices');
  loopMount(warehouse);
  const freeze = (how: '-f' | '-u'): void => void execFileSync('fsfreeze', [how, warehouse]);
  world.drop('before.csv', 10, { feed: 'prices' });
  world.start('ingest', STALL);
  await world.stored(1);
  freeze('-f');
  let isFrozen = true;
  const thaw = (): void => {
    if (isFrozen) freeze('-u');
    isFrozen = false;
  };
  // Nothing ends a process that hangs in it.
  t.after(thaw);
  world.drop('during.csv', 10, { feed: 'prices' });
  await named(world, /manifest and move of prices are closed, stuck at the warehouse/);
  await stays('no process hangs', () => world.log.named('worker_stalled').length === 0, 25_000);
  await othersGoOn(world, 'other.csv');
  thaw();
  await world.stored();
  await world.allDone();
  await world.stop();
  world.check();
});
