/** queue-stat --check: one line and an exit code, as plugins of Nagios and Icinga give them. health.test.ts asks it of services. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import { editDatabase } from '../world/database.js';
import { withState } from '../world/hand.js';
import { loseState, refused, stateFiles } from '../world/lost.js';
import { isInRunbook } from '../world/runbook.js';
import { ordinaryUser, skipUnlessReachable } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { withHeldFile } from './cases.js';

async function check(world: World, ...args: string[]): Promise<[code: number | null, line: string]> {
  const { code, stdout, stderr } = await world.run('queue-stat', ['--check', ...args]);
  assert.equal(stderr, '');
  assert.match(stdout, /^INGEST (OK|CRITICAL|UNKNOWN) - [^\n]+\n$/);
  return [code, stdout.trimEnd()];
}

const age = (world: World, hours: number) =>
  editDatabase(world.statePath, (db) => db.exec(`UPDATE jobs SET created_ms = created_ms - ${hours * 3_600_000}`));

test('all is well after --once: OK with the figures', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  await world.runOnce();
  assert.deepEqual(await check(world), [
    0,
    'INGEST OK - 0 files are on the way; 0 held | waiting=0;;;0 held=0;;0;0 oldest=0s;;86400;0',
  ]);
});

test('a held file is CRITICAL and named, unless --max-held allows it', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  const [code, line] = await check(world);
  assert.equal(code, 2);
  assert.match(
    line,
    /^INGEST CRITICAL - 1 file is held in verify-complete of default \(too_large\), large\.csv: .+ \| waiting=/,
  );
  assert.match(
    line,
    /restart the service and run `ingest-ctl retry [0-9A-Z]{26} --state-path \S+`; or run `ingest-ctl discard [0-9A-Z]{26} --state-path \S+`\. \| waiting=0;;;0 held=1;;0;0 oldest=0s;;86400;0$/,
  );
  assert.equal((await check(world, '--max-held', '1'))[0], 0);
});

test('a file that is older than --max-age is CRITICAL: a day, or as it says', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  await world.runOnce(['--mode', 'sidecar']);
  age(world, 3);
  assert.equal((await check(world))[0], 0);
  const [code, line] = await check(world, '--max-age', '2h');
  assert.equal(code, 2);
  assert.match(
    line,
    /- a file has been known for 3h\d+m, longer than --max-age 2h\. It is in verify-complete of default: No sidecar has come for a\.csv\. the uploader has to deliver it; what waits: 1 no sidecar .* \| /,
  );
  age(world, 24);
  assert.match((await check(world))[1], /longer than --max-age 1d/);
});

test('the worst comes first, and the others are counted; a bar in a name does not begin the figures', async (t) => {
  const world = createWorld(t);
  world.drop('a|b.csv', 20);
  world.drop('more.csv', 10);
  await world.runOnce(['--mode', 'sidecar']);
  editDatabase(world.statePath, (db) => {
    const which = "WHERE CAST(key AS TEXT) = 'a|b.csv'";
    db.exec(`UPDATE jobs SET was = state, state = 'claimed', owner = 1 ${which}`);
    db.exec(
      `UPDATE jobs SET was = state, state = 'held', owner = NULL, hold_code = 'unreadable', reason = 'a test' ${which}`,
    );
  });
  const [, held] = await check(world);
  assert.match(held, /a\/b\.csv/);
  assert.equal(held.split('|').length, 2);
  age(world, 30);
  const [code, line] = await check(world);
  assert.equal(code, 2);
  assert.match(line, /- 1 file is held in verify-complete .+ \(and 1 more: .+\) \| waiting=1;;;0 held=1;/);
});

test('an input that cannot be read comes before a held file, in every view', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'an input that may not be read')) return;
  const world = createWorld(t, { user: ordinaryUser });
  world.start('ingest', ['--max-bytes', '100']);
  world.drop('large.csv', 200);
  await until('it is held', () => world.jobs().some(({ state }) => state === 'held'));
  chmodSync(world.input, 0);
  const stuck = async () => {
    const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
    return findings.filter(({ severity }) => severity === 'stuck');
  };
  const outage = await until('the outage', async () => (await stuck()).find(({ code }) => code === 'input_missing'));
  assert.ok(isInRunbook(outage.sentence), outage.sentence);
  assert.deepEqual((await stuck()).at(-1)?.code, 'too_large');
  const [, line] = await check(world);
  assert.match(line, /^INGEST CRITICAL - [^|]*cannot be read \(EACCES\).*\(and \d more: /);
  chmodSync(world.input, 0o700); // An ordinary user could not remove it.
});

test("an operator's pause is CRITICAL only by the age of its files", async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  await world.runOnce(['--mode', 'sidecar']);
  assert.equal((await world.run('ingest-ctl', ['pause', 'verify-complete'])).code, 0);
  const [code, line] = await check(world);
  assert.equal(code, 0);
  assert.match(line, /^INGEST OK - 1 file is on the way.*; 0 held; verify-complete is paused \(by \S+\) \| /);
  assert.equal((await world.run('ingest-ctl', ['pause', '--feed', 'default'], { env: { SUDO_USER: 'ada' } })).code, 0);
  assert.match(
    (await check(world))[1],
    /; verify-complete is paused \(by \S+\); every stage of default is paused \(by ada\) \| /,
  );
  assert.equal((await world.run('ingest-ctl', ['resume', '--feed', 'default'])).code, 0);
  age(world, 30);
  assert.match(
    (await check(world))[1],
    /CRITICAL - a file .+ longer than --max-age 1d\. It is in verify-complete of default: verify-complete of every feed is paused \(by .+\); 1 file waits\. `ingest-ctl resume verify-complete --state-path \S+`; what waits: 1 paused \| /,
  );
});

test('a state that was deleted is CRITICAL where its feeds are named, and every command says that it is lost', async (t) => {
  const world = createWorld(t, { feeds: { orders: {} } });
  world.drop('a.csv', 10);
  await world.runOnce();
  loseState(world);
  const [code, line] = await check(world, '--config', world.configPath);
  assert.equal(code, 2);
  assert.match(
    line,
    /^INGEST CRITICAL - the state .+state\.db is gone, but .+ was written for one: put the file back, or/,
  );
  for (const args of [
    ['--input', world.input],
    ['--config', world.configPath],
  ]) {
    refused(await world.run('queue-stat', args), /^queue-stat: the state .+ is gone/);
    refused(await world.run('ingest-ctl', ['resume', ...args]), /^ingest-ctl: the state .+ is gone/);
  }
  assert.equal((await check(world))[0], 3, 'nothing is known of its feeds');
  assert.deepEqual(stateFiles(world), []);
});

test('a start that failed before it made a state leaves nothing to judge: UNKNOWN', async (t) => {
  const world = createWorld(t, { feeds: { orders: {} } });
  const [code, line] = await check(world, '--config', world.configPath);
  assert.equal(code, 3);
  assert.match(line, /^INGEST UNKNOWN - there is no state at/);
});

test('a first start that failed is CRITICAL: no process is at work', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'a warehouse that may not be written')) return;
  const world = createWorld(t, { user: ordinaryUser });
  chmodSync(world.feed().warehouse, 0o555);
  const { code: refused, stderr } = await world.run('ingest', []);
  assert.equal(refused, 3, stderr);
  const [code, line] = await check(world);
  assert.equal(code, 2);
  assert.match(line, /CRITICAL - No process is at work on this state: .+; 0 files wait, .+ start it again/);
});

test('a start after --once that is broken off is CRITICAL, until the next --once has come to its end', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const writer = world.writer('open.csv');
  writer.write('not yet all');
  world.start('ingest', ['--once']);
  await until('it is at work', () => world.jobs().some(({ key }) => key === 'open.csv'));
  await world.killAll();
  assert.match((await check(world))[1], /CRITICAL - No process is at work/);
  await writer.close();
  await world.runOnce();
  assert.equal((await check(world))[0], 0);
});

test('a file that its uploader still writes is CRITICAL by its age, or when he has hung for hours', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 1, quietMs: 100 } });
  world.start('ingest');
  const writer = world.writer('open.csv');
  writer.write('not yet all');
  await world.event('worker_started');
  const found = async () => {
    const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
    return findings.find(({ code }) => code === 'writer_open');
  };
  const { severity } = await until('the finding', found);
  assert.equal(severity, 'notice', 'an upload that takes its time is not stuck');
  assert.equal((await check(world))[0], 0);
  const isOld = async () => (await check(world, '--max-age', '1s'))[0] === 2;
  await until('the file to be older than a second', isOld);
  assert.match(
    (await check(world, '--max-age', '1s'))[1],
    /CRITICAL - a file has been known .+ It is in verify-complete of default: Somebody still has open\.csv open for writing; .+ the writer has to close it/,
  );
  await world.stop();
  // Hours later.
  await withState(world.statePath, (backend) =>
    backend.transact((tx) => tx.run("UPDATE jobs SET payload = json_set(payload, '$.refusals', 239)")),
  );
  world.start('ingest');
  const stuck =
    /CRITICAL - Somebody still has open\.csv open for writing; 24\d checks in a row found it open, and unchanged/;
  await until('the writer to hang', async () => stuck.test((await check(world))[1]));
  await writer.close();
});

test('a folder of the input that the service cannot read is CRITICAL', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'a folder that may not be read')) return;
  const world = createWorld(t, { user: ordinaryUser });
  const closed = join(world.input, 'closed');
  mkdirSync(closed, { mode: 0 });
  world.start('ingest');
  const line = async () => (await check(world))[1];
  await until('CRITICAL', async () => /CRITICAL - .+closed cannot be read \(EACCES\)/.test(await line()));
  chmodSync(closed, 0o700); // An ordinary user could not remove it.
});

test('what cannot be judged is UNKNOWN, on stdout: no state, a wrong option, two forms at once', async (t) => {
  const world = createWorld(t);
  const [code, line] = await check(world);
  assert.equal(code, 3);
  assert.match(line, /^INGEST UNKNOWN - there is no state at .+; name the right one/);
  assert.match((await check(world, '--max-age', 'soon'))[1], /UNKNOWN - --max-age must be a duration/);
  await world.runOnce();
  assert.match((await check(world, '--json'))[1], /UNKNOWN - --check .+ does not go with --json; leave one/);
});
