/** Feeds that the state and the running producers do not both have: refused by retire, found by queue-stat, named by explain. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Finding } from '../../src/ingest/health/finding.js';
import type { Report } from '../../src/service/status/report.js';
import { editDatabase } from '../world/database.js';
import { heldMove } from '../world/held-move.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const WITHOUT_SIDECAR = { options: { mode: 'sidecar' } } as const;

const twoFeeds = (t: TestContext): World => createWorld(t, { feeds: { orders: {}, side: WITHOUT_SIDECAR } });

/** A configuration with some of the feeds, in a file of its own. */
function configOf(world: World, ...feeds: string[]): string {
  const config = JSON.parse(readFileSync(world.configPath, 'utf8')) as { feeds: Record<string, unknown> };
  const path = join(world.root, `${feeds.join('-')}.yaml`);
  const kept = Object.fromEntries(feeds.map((name) => [name, config.feeds[name]]));
  writeFileSync(path, JSON.stringify({ ...config, 'state-path': world.statePath, feeds: kept }));
  return path;
}

/** Starts a service with these feeds, and waits until its producer watches them. */
const serve = (world: World, ...feeds: string[]) => serveBy('ingest', world, ...feeds);

async function serveBy(command: 'ingest' | 'ingest-producer', world: World, ...feeds: string[]) {
  const since = world.log.all.length;
  const program = world.launch(command, ['--config', configOf(world, ...feeds)]);
  await world.event('worker_started', ({ worker }) => worker === 'producer', { since });
  const entered = `SELECT 1 FROM services JOIN served USING (owner) WHERE ended IS NULL AND feed = '${feeds.at(-1)}'`;
  const isEntered = (): boolean => {
    const rows: unknown[] = [];
    editDatabase(world.statePath, (db) => rows.push(...db.prepare(entered).all()));
    return rows.length > 0;
  };
  await until('its producer to watch', isEntered);
  return program;
}

async function findings(world: World): Promise<Finding[]> {
  const { stdout } = await world.run('queue-stat', ['--json']);
  return (JSON.parse(stdout) as Report).findings;
}

const found = (world: World, code: string): Promise<Finding> =>
  until(code, async () => (await findings(world)).find((one) => one.code === code));

const check = (world: World) => world.run('queue-stat', ['--check']);

test('retire refuses a feed that a running process has, or that is in the configuration', async (t) => {
  const world = twoFeeds(t);
  const program = await serve(world, 'orders', 'side');
  const served = await world.run('ingest-ctl', ['retire', 'side']);
  assert.equal(served.code, 2);
  assert.match(
    served.stderr,
    /feed side is served by a running process: remove it from the configuration and restart the service, then retire it\./,
  );
  for (const [name, size] of [
    ['a.csv', 10],
    ['a.csv.ok', 0],
  ] as const)
    world.drop(name, size, { feed: 'side' });
  await world.stored(1);
  await program.stop();
  const config = configOf(world, 'orders', 'side');
  const configured = await world.run('ingest-ctl', ['retire', 'side', '--config', config]);
  assert.equal(configured.code, 2);
  assert.ok(configured.stderr.includes(`feed side is in ${config}: remove it`), configured.stderr);
  const retired = await world.run('ingest-ctl', ['retire', 'side', '--config', configOf(world, 'orders')]);
  assert.equal(retired.code, 0, retired.stderr);
  const [job] = world.jobs('side');
  const { stdout, code } = await world.run('ingest-ctl', ['explain', job!.id]);
  assert.match(
    stdout,
    /It has ended \(stored\) since .*, in feed side, which is not in the state any more: it was retired\./,
  );
  assert.equal(code, 0);
});

test('retire says which markers nobody makes any more', async (t) => {
  const world = createWorld(t, {
    feeds: { orders: {}, side: { options: { stabilitySeconds: 0, successMarkers: true } } },
  });
  world.drop('a.csv', 10, { feed: 'side' });
  await world.runOnce();
  const retired = await world.run('ingest-ctl', ['retire', 'side', '--config', configOf(world, 'orders')]);
  assert.equal(retired.code, 0, retired.stderr);
  assert.match(retired.stdout, /^2 of its hours and days get no _SUCCESS: put side back into the configuration/m);
});

test('a retired feed comes back, also one that gave a line up and has forgotten its job', async (t) => {
  const world = createWorld(t, { feeds: { orders: {}, side: { options: { stabilitySeconds: 0, quietMs: 0 } } } });
  world.start('ingest');
  await until('the state', () => world.database() !== undefined);
  await heldMove(world, 100, 'side');
  await world.stop();
  for (const verb of [
    ['discard', '--all'],
    ['prune', '--keep-history', '0d'],
  ]) {
    const { code, stderr } = await world.run('ingest-ctl', verb);
    assert.equal(code, 0, stderr);
    await world.runOnce();
  }
  assert.deepEqual(world.jobs('side'), []);
  const retired = await world.run('ingest-ctl', ['retire', 'side', '--config', configOf(world, 'orders')]);
  assert.equal(retired.code, 0, retired.stderr);
  const later = world.drop('later.csv', 10, { feed: 'side' });
  await world.runOnce();
  assert.ok(world.warehouse('side').some(({ sha256 }) => sha256 === later.sha256));
});

test('a feed that no running producer has is found, until it is served again or retired', async (t) => {
  const world = twoFeeds(t);
  const both = await serve(world, 'orders', 'side');
  await until('nothing to be found', async () => (await findings(world)).length === 0);
  world.drop('waits.csv', 10, { feed: 'side' });
  await until('its job', () => world.jobs('side').length === 1);
  await both.stop();
  assert.deepEqual(
    (await findings(world)).map(({ code }) => code),
    ['nobody'],
    'a stopped service is one finding',
  );

  await serve(world, 'orders');
  const stuck = await found(world, 'feed_not_served');
  assert.deepEqual([stuck.severity, stuck.feed, stuck.files], ['stuck', 'side', 1]);
  assert.match(
    stuck.sentence,
    /^Feed side is in the state, but no running producer has it: 1 file is on the way or held/,
  );
  const critical = await check(world);
  assert.equal(critical.code, 2);
  assert.match(
    critical.stdout,
    /CRITICAL - Feed side is in the state.* put it back into the configuration and restart/,
  );
  const dead = await world.run('ingest-ctl', ['retire', 'side']);
  assert.equal(dead.code, 2);
  assert.match(
    dead.stderr,
    /feed side has 1 file that is on the way or held: put it back into the configuration until/,
  );
  await explained(world);

  const other = await serve(world, 'side');
  assert.deepEqual(await findings(world), [], 'two producers serve one state');
  await until('its files to be stored', () => world.jobs('side').every(({ state }) => state === 'done'));
  await other.stop();
  const notice = await found(world, 'feed_not_served');
  assert.deepEqual([notice.severity, notice.files], ['notice', 0]);
  assert.match(notice.release, /or run `ingest-ctl retire side --state-path \S+`$/);
  assert.equal((await check(world)).code, 0);
  assert.equal((await world.run('ingest-ctl', ['retire', 'side'])).code, 0);
  assert.deepEqual(await findings(world), []);
});

/** The text of explain for a file that waits for its sidecar, of one whose sidecar came, and of one that nobody noticed. */
async function explained(world: World): Promise<void> {
  const { input } = world.feed('side');
  const says = async (name: string) => (await world.run('ingest-ctl', ['explain', join(input, name)])).stdout;
  const nobody = /No running producer has feed side: nobody watches its input\. Its next check is in 2[34]h/;
  assert.match(await says('waits.csv'), nobody);
  writeFileSync(join(input, 'waits.csv.ok'), '');
  const complete = await says('waits.csv');
  assert.match(complete, /Its rule holds: it is complete\.\n.*nobody watches its input/);
  assert.doesNotMatch(complete, /It is sealed at/);
  assert.match(complete, /What releases it: put side back into the configuration and restart/);
  writeFileSync(join(input, 'new.csv.ok'), '');
  world.drop('new.csv', 20, { feed: 'side' });
  const unseen = await says('new.csv');
  assert.match(unseen, /was not noticed yet\.\n.*nobody watches its input/);
  assert.doesNotMatch(unseen, /the next scan finds it/);
}

test('a file of a feed that is not in the state is a finding with its remedy', async (t) => {
  const world = twoFeeds(t);
  // The workers of `ingest` record its feeds too, so they start after the row is gone.
  await serveBy('ingest-producer', world, 'orders', 'side');
  editDatabase(world.statePath, (db) => db.exec("DELETE FROM feeds WHERE name = 'side'"));
  world.start('ingest-worker');
  await until('the worker', async () => !(await findings(world)).some(({ code }) => code === 'no_worker'));
  world.drop('lost.csv', 10, { feed: 'side' });
  const { sentence, release, severity } = await found(world, 'feed_not_in_state');
  assert.equal(severity, 'stuck');
  assert.match(sentence, /^1 file is on the way in feed side, which is not in the state/);
  assert.match(release, /^put it back into the configuration and restart/);
  const { code, stdout } = await check(world);
  assert.equal(code, 2);
  assert.match(stdout, /in feed side, which is not in the state/);
});

test('--once names the feeds that its configuration does not have, and whose files are on the way', async (t) => {
  const world = twoFeeds(t);
  world.drop('waits.csv', 500, { feed: 'side' });
  await world.runOnce();
  const { code, stderr } = await world.launch('ingest', ['--config', configOf(world, 'orders'), '--once']).ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /1 file on the way in feeds that this configuration does not have, left as they are: side/);
});
