/** `ingest-ctl backup` copies one moment of a state in use. The copy can be restored. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../../src/service/status/report.js';
import { ctl } from '../../world/jobs.js';
import { dropAgain, rebuild, rebuilt, refused, restore } from '../../world/lost.js';
import { tmpfsMount } from '../../world/mounts.js';
import { isRoot } from '../../world/users.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const SEED = process.env.SEED ?? String(Date.now());
const FILES = 200;
/** In the header of a database: PRAGMA user_version (https://sqlite.org/fileformat.html). */
const USER_VERSION_AT = 60;

test('a backup that was taken during kills and full load is restored, and nothing is lost or stored twice', async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const world = createWorld(t, { seed: SEED, options: AT_ONCE });
  const ingest = world.start('ingest', ['--workers', 'all=2']);
  for (let i = 0; i < FILES; i++) world.drop(`${i}.csv`, 40 + (i % 97) * 100);
  await world.stored(20);
  const copies: string[] = [];
  for (let n = 0; n < 2; n++) {
    for (const pid of ingest.descendants().slice(n % 2)) process.kill(pid, 'SIGKILL');
    const copy = join(world.root, `backup ${n}.db`);
    const { code, stdout, stderr } = await world.run('ingest-ctl', ['backup', copy]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /is backed up to .*backup \d\.db \(.*\)\. To restore: /);
    const report = JSON.parse(
      (await world.launch('queue-stat', ['--json', '--state-path', copy]).ended).stdout,
    ) as Report;
    assert.ok(report.stages.length > 0);
    copies.push(copy);
  }
  for (let i = 0; i < 20; i++) world.drop(`newer ${i}.csv`, 50_000 + i); // which no backup knows
  assert.equal(statSync(copies[0]!).mode & 0o777, 0o600, 'names of files are private');
  await world.allDroppedDone(); // a killed process may have stored a file without a log line
  await world.stop();
  restore(world, copies[SEED.length % 2]!);
  refused(await world.run('ingest', ['--once']), /run `ingest-ctl rebuild [^`]+`/);
  await rebuilt(world);
  dropAgain(world);
  await world.runOnce();
  world.check();
});

test('the log of the former state beside a backup is refused; without it, the backup restores what only it knows', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.runOnce();
  world.start('ingest');
  await world.event('worker_started');
  await ctl(world, 'pause', 'hash', '--feed', 'default');
  world.drop('a.csv', 100);
  const copy = join(world.root, 'copy.db');
  const { stdout } = await world.run('ingest-ctl', ['backup', copy]);
  assert.match(stdout, /stop everything \(the dashboard too\), move .+ every .+-\* away, copy the backup there/);
  await ctl(world, 'resume', 'hash', '--feed', 'default');
  await world.stored(1);
  await world.killAll();
  assert.ok(statSync(`${world.statePath}-wal`).size > 0);
  copyFileSync(copy, world.statePath);
  const former = /is a backup, but .+-wal is of the state that was there before/;
  refused(await rebuild(world), former);
  refused(await world.run('ingest', ['--once']), former);
  for (const [command, ...words] of [
    ['ingest-worker'],
    ['ingest-dashboard'],
    ['queue-stat'],
    ['ingest-ctl', 'resume'],
    ['ingest-ctl', 'backup', join(world.root, 'second.db')],
  ] as const)
    refused(await world.launch(command, [...words, '--state-path', world.statePath]).ended, former);
  renameSync(`${world.statePath}-wal`, join(world.root, 'aside-wal'));
  rmSync(`${world.statePath}-shm`, { force: true });
  await rebuilt(world);
  assert.equal(world.gates().length, 1, 'the pause, which only the backup knows');
});

test('a backup overwrites nothing, removes the part of a killed one, and names a file that it cannot write', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('a.csv', 100);
  await world.runOnce();
  const taken = join(world.root, 'taken.db');
  writeFileSync(taken, 'mine');
  const at = (path: string) => world.launch('ingest-ctl', ['backup', path, '--state-path', world.statePath]).ended;
  refused(await at(taken), /taken\.db is there already and is not overwritten/);
  refused(await at(world.statePath), /is there already/);
  refused(await at(join(world.root, 'no folder/b.db')), /cannot be written \(.*\); check its folder/);
  const whole = join(world.root, 'whole.db');
  writeFileSync(`${whole}.part`, 'of a killed one');
  await ctl(world, 'backup', whole);
  assert.deepEqual(
    readdirSync(world.root).filter((name) => name.startsWith('whole')),
    ['whole.db'],
  );
  assert.equal((await world.launch('ingest-ctl', ['backup']).ended).code, 2);
  await until('nothing beside it', () => !existsSync(`${whole}-wal`));
});

test('a backup that cannot be written is refused with a sentence, also where its path cannot be looked at', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.runOnce();
  for (const name of ['missing/copy.db', 'x'.repeat(300)])
    refused(
      await world.run('ingest-ctl', ['backup', join(world.root, name)]),
      /^ingest-ctl: the backup .*cannot be written \(E/,
    );
});

test('a refused backup leaves nothing: a state that is no database, damaged, newer, older, or larger than the room for its copy', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.runOnce();
  const to = join(world.root, 'to');
  mkdirSync(to);
  const isRefused = async (words: RegExp, folder = to) => {
    const copy = join(folder, 'copy.db');
    refused(await world.run('ingest-ctl', ['backup', copy]), words);
    assert.deepEqual(readdirSync(folder), []);
  };
  if (isRoot) await isRefused(/cannot be written|is full/, tmpfsMount(join(world.root, 'small'), { size: '64k' }));
  else t.diagnostic('no root: a backup without room was not tested');
  const whole = readFileSync(world.statePath);
  writeFileSync(world.statePath, Buffer.concat([whole.subarray(0, 8_192), Buffer.alloc(whole.length - 8_192, 0xa5)]));
  await isRefused(/is damaged or no database \(SQLITE_CORRUPT\)/);
  writeFileSync(world.statePath, 'no database'.repeat(100));
  await isRefused(/is damaged or no database \(SQLITE_NOTADB\)/);
  writeFileSync(world.statePath, '');
  await isRefused(/is damaged or no database \(it is empty\)/);
  const newer = Buffer.from(whole);
  newer.writeUInt32BE(9_999, USER_VERSION_AT);
  writeFileSync(world.statePath, newer);
  await isRefused(/was written by a newer version/);
});
