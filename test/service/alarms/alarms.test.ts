/** Each episode is sent once when it starts and once when it ends, also if notifier or receiver fails meanwhile. */
import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../../src/service/alarms/limits.js';
import type { Message } from '../../../src/service/alarms/message.js';
import { lookAt } from '../../../src/service/status/report.js';
import { until } from '../../world/waiting.js';
import { SECRET, Told, Web } from './receiver.js';

const HOUR = 3_600_000;
/** The longest time until a change is sent. */
const SOON = limits.messageEveryMs + limits.collectMs + 2 * limits.lookEveryMs;

test('a trouble that closes gates of several stages is one alarm, signed, and sent again when it ends', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.close('warehouse');
  await told.pass(SOON);
  await told.close('warehouse', 'ENOSPC', 'manifest');
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began ENOSPC']);
  for (const stage of ['move', 'manifest']) await told.reopen('warehouse', stage);
  await told.pass(limits.absentMs - limits.lookEveryMs); // on trial
  for (const stage of ['move', 'manifest']) await told.close('warehouse', 'ENOSPC', stage);
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began ENOSPC'], 'the same trouble');
  assert.equal(web.signed(SECRET), Math.floor(Date.parse(web.messages[0]!.sent_at) / 1_000));
  await told.reopen('warehouse');
  await told.reopen('warehouse', 'manifest');
  await told.pass(SOON);
  await told.close('warehouse');
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began ENOSPC', 'ended ENOSPC', 'began ENOSPC']);
  const [first, second, third] = web.messages.flatMap(({ alarms }) => alarms);
  assert.equal(first!.id, second!.id);
  assert.notEqual(second!.id, third!.id);
  assert.ok(second!.ended_at && !third!.ended_at);
});

test('ten thousand held files are one message with one alarm; one more is sent after an hour, as many more at once', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.hold(10_000);
  await told.pass(SOON);
  assert.equal(web.bodies.length, 1);
  assert.deepEqual([web.messages[0]!.alarms.length, web.messages[0]!.alarms[0]!.count], [1, 10_000]);
  await told.hold(1);
  told.clock.now += HOUR / 2;
  await told.pass(SOON);
  assert.equal(web.bodies.length, 1);
  told.clock.now += HOUR / 2;
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'grew too_large']);
  await told.hold(10_001);
  await told.pass(SOON);
  assert.equal(web.messages.at(-1)!.alarms[0]!.count, 20_002);
  const { text } = web.messages.at(-1)!;
  assert.match(text, /^atomic-ingestor on here: 1 alarm\nMORE: 20002 files are held .* → Raise --max-bytes/);
});

test('held files that were given up no longer count: the next wave of the same trouble is sent', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.hold(1_000);
  await told.pass(SOON);
  const held = told.worker.read((rows) => rows.all<{ id: string }>("SELECT id FROM all_jobs WHERE state = 'held'"));
  const ids = held.slice(3).map(({ id }) => id);
  await told.worker.amendHeld(ids, () => ({ kind: 'finish', ending: 'discarded' }));
  await told.pass(HOUR);
  assert.deepEqual(web.told, ['began too_large'], 'fewer are no news');
  await told.hold(500);
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'grew too_large']);
  assert.equal(web.messages.at(-1)!.alarms[0]!.count, 503);
});

test('held files that are tried again in vain are no news, although they are not held for a moment', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.hold(1_000);
  await told.pass(SOON);
  const held = told.worker.read((rows) => rows.all<{ id: string }>("SELECT id FROM all_jobs WHERE state = 'held'"));
  const ids = held.slice(3).map(({ id }) => id);
  await told.worker.amendHeld(ids, () => ({ kind: 'finish', ending: 'discarded' }));
  await told.pass(limits.fewerAfterMs / 2);
  await told.hold(997);
  await told.pass(HOUR / 2);
  assert.deepEqual(web.told, ['began too_large']);
});

test('a receiver that was away for an hour gets every alarm once when it is back; nothing is written meanwhile', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const version = () =>
    told.worker.read((rows) => rows.get<{ data_version: number }>('PRAGMA data_version')!.data_version);
  await web.away();
  await told.close('warehouse');
  await told.hold(3);
  await told.pass(HOUR / 4);
  await told.reopen('warehouse');
  await told.close('manifests', 'EIO');
  await told.pass(HOUR / 4);
  let written = 0;
  let before = version();
  await told.pass(HOUR / 2, () => {
    const now = version();
    if (now !== before) written++;
    before = now;
  });
  assert.equal(written, 0, 'of 900 checks');
  assert.ok(told.alarms.channels[0]!.tries <= 90, `${told.alarms.channels[0]!.tries} tries in an hour`);
  const [untold] = lookAt(told.worker, told.world.statePath, {}).findings.filter(
    ({ code }) => code === 'alarms_untold',
  );
  assert.match(untold!.sentence, /^--notify-webhook has not received 3 alarms: connect ECONNREFUSED/);
  assert.equal(untold!.severity, 'notice');
  await web.back();
  await told.pass(limits.retryLongestMs + limits.lookEveryMs);
  assert.equal(web.bodies.length, 1);
  assert.deepEqual(web.told.sort(), ['began EIO', 'began too_large', 'ended ENOSPC']);
  web.signed(SECRET);
  await told.pass(HOUR / 4);
  assert.equal(web.bodies.length, 1, 'once');
  assert.deepEqual(told.events, ['notify_failed', 'notify_back', 'alarms_told']);
  assert.ok(lookAt(told.worker, told.world.statePath, {}).findings.every(({ code }) => code !== 'alarms_untold'));
});

test('a restart of the notifier loses nothing and repeats nothing', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.hold(1);
  await told.pass(SOON);
  await told.close('warehouse');
  await told.turn(); // found, and not sent yet
  await told.die();
  await told.start();
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'began ENOSPC']);
  await told.die();
  await told.reopen('warehouse');
  await told.start();
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'began ENOSPC', 'ended ENOSPC']);
});

test('a notifier that dies between the answer and its commit sends the same alarm again, with the same id', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const [receiver] = told.receivers;
  await told.die();
  // The answer comes, and the notifier never goes on.
  const dies = {
    ...receiver!,
    send: (message: Message, signal: AbortSignal) =>
      receiver!.send(message, signal).then(() => new Promise<void>(() => {})),
  };
  told.receivers = [dies];
  await told.start();
  await told.hold(1);
  for (let i = 0; i < 5; i++) {
    told.clock.now += limits.lookEveryMs;
    await told.alarms.turn();
  }
  await until('the alarm to be sent', () => web.bodies.length > 0);
  await told.die();
  told.receivers = [receiver!];
  await told.start();
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'began too_large']);
  const [first, again] = web.messages.flatMap(({ alarms }) => alarms);
  assert.deepEqual(first, again);
});

test('a notifier that was stopped between its check and its write writes nothing of that check', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const { ms } = told.clock;
  await told.hold(1);
  told.clock.ms = () => {
    told.clock.now += HOUR;
    return told.clock.now;
  };
  for (let i = 0; i < 10; i++) await told.turn();
  assert.deepEqual(
    told.backend.read((rows) => rows.all('SELECT * FROM alarms')),
    [],
  );
  told.clock.ms = ms;
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large']);
});

test('the end of a service waits a bounded time for a receiver that hangs; the next start sends the alarm', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  web.answer = undefined;
  await told.hold(1);
  await told.alarms.turn();
  await told.alarms.end(5_000);
  assert.deepEqual(web.told, ['began too_large']);
  await told.die();
  web.answer = (response) => void response.writeHead(204).end();
  await told.start();
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'began too_large']);
});

test('one of two notifiers sends; the other takes over when the first is gone', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const second = told.another(await told.owner('notifier'));
  const passBoth = async () => {
    for (let i = 0; i < SOON / limits.lookEveryMs; i++) {
      told.clock.now += limits.lookEveryMs;
      await Promise.all([told.alarms.turn(), second.turn()]);
      await Promise.all([told.alarms.idle(), second.idle()]);
    }
  };
  await told.hold(1);
  await passBoth();
  assert.deepEqual(web.told, ['began too_large']);
  assert.deepEqual(told.events, ['notify_waiting', 'alarms_told']);
  await told.die();
  told.alarms = second;
  await told.close('warehouse');
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began too_large', 'began ENOSPC']);
});

test('overflows and lost processes are sent with their number, also those that happened without a notifier', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const overflow = () => told.worker.transact((tx) => tx.count('default', 'producer', 'overflow', 1, 0));
  await told.die();
  for (let i = 0; i < 3; i++) await overflow();
  await told.worker.transact((tx) => tx.count('*', 'owners', 'lost', 1, 0));
  await told.start();
  await told.pass(SOON);
  const { alarms } = web.messages[0]!;
  assert.deepEqual(alarms.map(({ code, count }) => [code, count]).sort(), [
    ['overflow', 3],
    ['worker_lost', 1],
  ]);
  await told.pass(limits.quietMs + SOON);
  assert.deepEqual(web.told.slice(2).sort(), ['ended overflow', 'ended worker_lost']);
  await overflow();
  await told.pass(SOON);
  assert.deepEqual([web.told.at(-1), web.messages.at(-1)!.alarms[0]!.count], ['began overflow', 1]);
});

test('a command that an operator ended by Ctrl-C is no lost process', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const { world } = told;
  const folder = join(world.root, 'loaded');
  mkdirSync(folder);
  writeFileSync(join(folder, 'large.bin'), '');
  truncateSync(join(folder, 'large.bin'), 2 ** 40); // read for longer than this test takes
  const { name, input, warehouse, manifests } = world.feed();
  const config = join(world.root, 'learn.json');
  writeFileSync(config, JSON.stringify({ feeds: { [name]: { input, warehouse, manifests } } }));
  const args = ['learn', folder, '--config', config, '--state-path', world.statePath];
  const learning = world.launch('ingest-ctl', args);
  const titles = () => told.worker.owners().map(({ title }) => title);
  const isOwner = () => titles().some((title) => title.includes('learn'));
  await until('learn uses the state', isOwner);
  learning.kill('SIGINT');
  await learning.ended;
  assert.deepEqual(await told.worker.rescue(), []);
  assert.ok(!isOwner(), titles().join(', '));
  await told.pass(SOON);
  assert.deepEqual(web.told, []);
});

test('alarms beyond the limit of a message come with the next ones, and are counted', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.hold(250, (n) => `code_${n}`);
  await told.pass(4 * limits.messageEveryMs + SOON);
  assert.deepEqual(
    web.messages.map(({ alarms, more }) => [alarms.length, more]),
    [
      [100, 150],
      [100, 50],
      [50, 0],
    ],
  );
  assert.match(web.messages[0]!.text, /\n… and 240 more$/);
  assert.equal(new Set(web.messages.flatMap(({ alarms }) => alarms.map(({ id }) => id))).size, 250);
});

test('for a receiver that is away for weeks the oldest ended alarms are given up and counted', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const past = limits.endedKept + 5;
  await told.backend.transact((tx) => {
    tx.run(
      `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO alarms SELECT i, i, 'default', 'EIO', 'move', 'warehouse', 0, 's', 'r', 0, 0, 0, 1, i, i FROM n`,
      past,
    );
    tx.run('UPDATE alarm_teller SET changes = ?', past);
  });
  await web.away();
  await told.close('warehouse');
  await told.pass(SOON);
  await told.reopen('warehouse');
  await told.pass(SOON);
  const kept = told.backend.read((rows) => rows.get<{ n: number }>('SELECT count(*) AS n FROM alarms')!.n);
  assert.equal(kept, limits.endedKept);
  await web.back();
  await told.pass(limits.retryLongestMs + SOON);
  const [first, second] = web.messages;
  assert.deepEqual([first!.missed, first!.more], [6, limits.endedKept - limits.alarmsPerMessage]);
  assert.match(first!.text, /\n6 that were over were given up before this receiver could get them$/);
  assert.equal(second!.missed, 0);
});

test('an alarm that ended and was sent leaves no row; a pause is no alarm', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  await told.worker.transact((tx) => {
    tx.closeGate({ feed: '*', stage: '*', cause: 'pause', place: '', code: 'paused', reason: 'by somebody' });
  });
  for (let i = 0; i < 20; i++) {
    await told.close('warehouse');
    await told.pass(SOON);
    await told.reopen('warehouse');
    await told.pass(SOON);
  }
  assert.equal(web.told.length, 40);
  assert.deepEqual(
    told.backend.read((rows) => rows.all('SELECT * FROM alarms')),
    [],
  );
});
