/**
 * The runbook's routines, run from its own text on a machine with the files of the Debian package, while files keep coming:
 * nothing is lost, nothing is in twice.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import type { Report } from '../../src/service/status/report.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { holdReady, withState } from '../world/hand.js';
import { dropAgain, refused } from '../world/lost.js';
import { loopMount, tmpfsMount } from '../world/mounts.js';
import { compare } from '../world/oracle.js';
import { rowsOf } from '../world/state-by-hand.js';
import { give, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { blocksOf, Machine, releaseIn } from './machine.js';

/** A trigger records every settlement after the migration in a table of its own, with its process. */
const MIGRATION = `
  ALTER TABLE contents ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE settled_after (owner INTEGER NOT NULL);
  CREATE TRIGGER settled_after AFTER UPDATE ON jobs WHEN OLD.state = 'claimed' AND (NEW.stage <> OLD.stage OR NEW.state = 'done')
    BEGIN INSERT INTO settled_after VALUES (OLD.owner); END;`;

const some = (world: World, name: string, count: number): void => {
  for (let i = 0; i < count; i++) world.drop(`${name} ${i}.csv`, 100 + (i % 50) * 400);
};

const owners = (world: World): number[] =>
  (rowsOf(world, 'SELECT id FROM owners') as { id: number }[]).map(({ id }) => id);

async function ctl({ world }: Machine, ...words: string[]): Promise<void> {
  const { code, stderr } = await world.run('ingest-ctl', words);
  assert.equal(code, 0, stderr);
}

/** The oracle for lines that another host wrote: they name files of this host by their paths on the other host. */
function checkMoved(here: World, there: World): void {
  const seen = here.survey();
  const before = `${there.feed().warehouse}/`;
  for (const line of seen.lines)
    if (line.target.startsWith(before)) line.target = line.target.slice(before.length) as ByteName;
  const none = new Set<never>();
  const dropped = [...there.dropped, ...here.dropped];
  const sets = { sidecars: none, taken: none, held: none, discarded: none, withdrawn: none };
  const rest = { bystanders: [], ...sets, generations: new Map(), made: new Map() };
  assert.deepEqual(compare(seen, { ...rest, dropped, onDuplicate: 'archive', settled: true }), []);
}

async function upgradeAndBack(t: TestContext): Promise<void> {
  const machine = new Machine(t);
  const { world } = machine;
  const older = releaseIn(join(machine.root, 'releases/1'));
  const newer = releaseIn(join(machine.root, 'releases/2'), MIGRATION);
  machine.install(older);
  await machine.start();
  const worker = world.launch(join(older, 'bin/ingest-worker'), ['--state-path', world.statePath, '--stage', 'all=2']);
  some(world, 'first', 150);
  await world.stored(50);
  const [upgrade] = blocksOf('Upgrade');
  const before = owners(world);
  const dropping = setInterval(() => {
    if (world.dropped.length < 1_500) some(world, `meanwhile ${world.dropped.length}`, 2);
  }, 40);
  await machine.run(upgrade!, { release: newer }).finally(() => clearInterval(dropping));

  const ended = await worker.ended;
  // So a service manager starts the version that is installed now.
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /was written by a newer version of this program: install that version/);
  await world.allDroppedDone();
  world.check();
  const late = rowsOf(world, 'SELECT owner FROM settled_after') as { owner: number }[];
  assert.ok(late.length > 0, 'the newer processes did the rest');
  assert.deepEqual(
    late.filter(({ owner }) => before.includes(owner)),
    [],
    'the older processes settled nothing after the migration',
  );
  const copies = readdirSync(dirname(world.statePath)).filter((name) => name.endsWith('.backup'));
  assert.match(copies.join(), /^state\.db\.v\d+\.backup$/);
  some(world, 'of the newer', 20);
  await world.allDroppedDone();

  await machine.run(blocksOf('Downgrade')[0]!, { release: older });
  for (const [name, ...args] of [
    ['ingest', '--config', machine.config, '--once'],
    ['queue-stat'],
    ['ingest-ctl', 'held'],
  ] as const)
    refused(
      await world.launch(machine.command(name), [...args, '--state-path', world.statePath]).ended,
      /newer version/,
    );
  const [backup] = readdirSync(join(machine.root, 'var/backups/atomic-ingestor'));
  await machine.run(blocksOf('Restore')[0]!.replace('2026-11-20T030000.db', backup!));
  const [aside] = readdirSync(dirname(world.statePath)).filter((name) => name.startsWith('broken-'));
  assert.ok(existsSync(join(dirname(world.statePath), aside!, 'state.db')), 'the former state is moved aside');
  dropAgain(world);
  some(world, 'last', 10);
  await until('all to be in', () => world.differences().length === 0);
  await machine.stop();
  world.check();
}

async function moveToAnotherHost(t: TestContext): Promise<void> {
  if (skipUnlessRoot(t, 'a state that moves to another filesystem')) return;
  for (const tool of ['rsync', 'setfacl'])
    if (skipUnlessInstalled(t, tool, 'a state that moves to another host by the runbook')) return;
  const old = new Machine(t);
  old.install(releaseIn(join(old.root, 'release')));
  await old.start();
  some(old.world, 'stored', 100);
  const first = old.world.drop('twin.csv', 500);
  await old.world.allDroppedDone();
  // Files in progress: lines without their files, and files that are sealed and not hashed, one of them a duplicate.
  const ready = (stage: string) => () =>
    old.world.jobs().filter((job) => job.stage === stage && job.state === 'ready').length;
  await ctl(old, 'pause', 'move');
  some(old.world, 'manifested', 20);
  await until('lines without their files', () => ready('move')() === 20);
  await ctl(old, 'pause', 'hash');
  some(old.world, 'sealed', 20);
  old.world.drop(
    'twin again.csv',
    readFileSync(
      String(old.world.manifest().find(({ record }) => record!.sha256 === first.sha256)!.record!.warehouse_path),
    ),
  );
  await until('sealed files', () => ready('hash')() === 21);

  const [one] = old.world.jobs().filter(({ stage, state }) => stage === 'hash' && state === 'ready');
  await withState(old.world.statePath, (backend) => holdReady(backend, [one!.id]));

  // A reader was let in by an ACL.
  const [shared] = old.world.warehouse();
  const aclOf = ({ world }: Machine) =>
    execFileSync('getfacl', ['-cpn', join(world.feed().warehouse, shared!.path)], { encoding: 'utf8' });
  execFileSync('setfacl', ['-m', 'u:4711:r', join(old.world.feed().warehouse, shared!.path)]);
  const acl = aclOf(old);
  assert.match(acl, /^user:4711:r--/m);

  const host = new Machine(t, { ground: loopMount(join(old.root, 'disk'), { bytes: 512 * 1024 * 1024 }) });
  host.install(releaseIn(join(host.root, 'release')));
  const [onTheOld, onTheNew] = blocksOf('Move to another host');
  await old.run(onTheOld!, { hosts: { 'new-host': host } });
  // The new host cannot see the old one.
  for (const gone of [join(old.root, 'srv'), join(old.root, 'var'), dirname(old.world.statePath)])
    renameSync(gone, `${gone}.away`);
  await host.run(onTheNew!);
  assert.equal(aclOf(host), acl);
  await ctl(host, 'resume', 'hash');
  await ctl(host, 'resume', 'move');
  await ctl(host, 'retry', '--all', '--code', 'held_by_test');
  await host.world.allDone();
  checkMoved(host.world, old.world);

  const bytesOf = new Map(
    host.world.warehouse().map(({ sha256, path }) => [sha256, join(host.world.feed().warehouse, path)]),
  );
  for (const { name, sha256 } of old.world.dropped)
    host.world.drop(`again-${name}`, readFileSync(bytesOf.get(sha256)!));
  const all = old.world.dropped.length + host.world.dropped.length;
  await until('each to have its job', () => host.world.jobs().length === all);
  await host.world.allDone();
  await host.stop();
  checkMoved(host.world, old.world);
}

async function addOnboardRetire(t: TestContext): Promise<void> {
  const machine = new Machine(t, { feeds: ['default', 'orders'] });
  const { world } = machine;
  rmSync(join(machine.root, 'srv/ingest/orders'), { recursive: true });
  machine.install(releaseIn(join(machine.root, 'release')));
  await machine.start();
  some(world, 'of the first', 50);
  await world.stored(50);
  const [yaml] = blocksOf('Add a feed', 'yaml');
  const [add] = blocksOf('Add a feed');
  const { input } = world.feed('orders');
  machine.edit = (config) => {
    // The input has files before the service sees it, and half of them were loaded by other means.
    mkdirSync(join(machine.root, 'srv/loaded'));
    for (let i = 0; i < 200; i++) {
      const { sha256 } = world.drop(`${i}.csv`, 300 + i, { feed: 'orders' });
      if (i % 2 === 0) cpSync(join(input, `${i}.csv`), join(machine.root, 'srv/loaded', `loaded-${sha256}.csv`));
    }
    return `${config}\n${yaml}`;
  };
  const [pause, ...rest] = blocksOf('Onboard an input that already holds a million files')[0]!.split('\n');
  await machine.run(pause!);
  await machine.run(add!);
  await machine.run(rest.join('\n'));
  await until(
    'all jobs of the feed to have ended',
    () => world.jobs('orders').filter(({ state }) => state === 'done').length === 200,
  );
  const endings = (ending: string) => world.jobs('orders').filter((job) => job.ending === ending).length;
  assert.deepEqual([endings('duplicate'), endings('stored')], [100, 100]);
  assert.deepEqual(
    [world.duplicates('orders').length, world.warehouse('orders').length, world.manifest('orders').length],
    [100, 100, 100],
  );

  machine.edit = (config) => config.replace(/^ {2}orders:\n( {4}.*\n?)*/m, '');
  const retired = blocksOf('Retire a feed')[0]!;
  const said = await machine.run(retired);
  assert.match(said, /^orders:\n[^:]*so far: 100 duplicate .*, 100 stored/m);
  const audited = await world.run('ingest-ctl', ['audit']);
  assert.equal(audited.code, 0, audited.stdout + audited.stderr);
  const { totals, stages } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  assert.deepEqual(
    [...totals, ...stages].filter(({ feed }) => feed === 'orders'),
    [],
    'the retired feed is no longer counted',
  );
  assert.ok(!existsSync(input) && existsSync(join(machine.root, 'srv/orders-retired/staging')));
  some(world, 'after it', 20);
  await until('the other feed to go on', () => world.warehouse().length === 70);
  world.drop('wrong.csv', 777);
  const inWarehouse = () => world.warehouse().find(({ path }) => path.endsWith('/wrong.csv'));
  const { path } = await until('a wrong file to be in', inWarehouse);
  const bytes = readFileSync(join(world.feed().warehouse, path));
  await machine.run(blocksOf('Take a wrong file out')[0]!.replaceAll('ingest_date=2026-11-20/orders.csv', path));
  await until('it to be in failed/', () => world.failed().length === 1 && !inWarehouse());
  world.drop('right.csv', bytes);
  await until('it to be in again', () => world.warehouse().length === 71);
  const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  assert.deepEqual(findings, []);
  await machine.stop();
}

async function installAndDoctor(t: TestContext): Promise<void> {
  const machine = new Machine(t);
  const release = releaseIn(join(machine.root, 'release'));
  const [install] = blocksOf('Install');
  const doctor = install!.split('\n').find((command) => / doctor\b/.test(command))!;
  machine.install(release);
  const { manifests } = machine.world.feed();
  if (machine.user) {
    give({ uid: 0, gid: 0 }, manifests);
    await assert.rejects(machine.run(doctor), /fail[^\n]*manifests cannot be written \(EACCES/);
    give(machine.user, manifests);
  }
  assert.match(await machine.run(doctor), / 0 to mend before the first file/);
  await machine.run(install!, { release });
  await machine.world.isStored(machine.world.drop('first.csv', 100));
  const [backUp] = blocksOf('Back up');
  const copies = () => readdirSync(join(machine.root, 'var/backups/atomic-ingestor')).length;
  await machine.run(backUp!);
  const second = new Date().getSeconds();
  await until('another second', () => new Date().getSeconds() !== second);
  await machine.run(backUp!);
  assert.equal(copies(), 2);

  // The commonest reason to restore: somebody deleted the state.
  await machine.world.isStored(machine.world.drop('after the backup.csv', 100));
  await machine.stop();
  const folder = dirname(machine.world.statePath);
  const states = () => readdirSync(folder).filter((name) => /^(?:state\.db|broken-)/.test(name));
  for (const name of states()) rmSync(join(folder, name));
  const backup = readdirSync(join(machine.root, 'var/backups/atomic-ingestor')).sort().at(-1)!;
  await machine.run(blocksOf('Restore')[0]!.replace('2026-11-20T030000.db', backup));
  const aside = states().filter((name) => name.startsWith('broken-'));
  assert.deepEqual(aside, [], 'nothing was there to put aside');
  await machine.world.isStored(machine.world.drop('last.csv', 100));
  await machine.stop();
  machine.world.check();
}

async function replaceDisk(t: TestContext): Promise<void> {
  if (skipUnlessRoot(t, 'an empty disk that takes the place of the warehouse')) return;
  const machine = new Machine(t);
  const { world } = machine;
  machine.install(releaseIn(join(machine.root, 'release')));
  await machine.start();
  some(world, 'before', 30);
  world.drop('known.csv', 'known');
  await world.allDroppedDone();
  const before = world.warehouse().length;
  machine.mount = () => void tmpfsMount(world.feed().warehouse);
  await machine.run(blocksOf('Replace the disk of the warehouse')[0]!);
  world.drop('known again.csv', 'known');
  some(world, 'after', 10);
  await until('the new ones to be in', () => world.manifest().length === before + 10);
  await world.allDone();
  const audited = await world.run('ingest-ctl', ['audit', '--hash']);
  assert.equal(audited.code, 0, audited.stdout);
  assert.equal(world.warehouse().length, 10);
  await machine.stop();
}

describe('the runbook, routine:', { concurrency: 3 }, () => {
  test('upgrade while workers of the older version are at work; then the way back', upgradeAndBack);
  test('move to another host: other inodes, another filesystem, other paths', moveToAnotherHost);
  test('install, doctor as the service sees it, two backups, restore of a deleted state', installAndDoctor);
  test('an empty disk in the place of the warehouse', replaceDisk);
  test('add a feed, onboard what it holds already, retire it', addOnboardRetire);
});
