/** ingest-ctl notify-test: each receiver gets a test alarm as a real one would come, and its answer is printed. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SECRET, Web } from '../service/alarms/receiver.js';
import { createWorld } from '../world/world.js';

test('a webhook and a command accept the test alarm; what one of them refuses is said, with exit code 4', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const web = await Web.open(t);
  const [script, got] = [join(world.root, 'tell'), join(world.root, 'got')];
  writeFileSync(script, `#!/bin/sh\ncat > '${got}'\n`);
  chmodSync(script, 0o755);
  writeFileSync(
    world.configPath,
    `notify-webhook: ${web.url}\nnotify-command: ${script}\nstate-path: ${world.statePath}\n`,
  );
  const run = () =>
    world.launch('ingest-ctl', ['notify-test', '--config', world.configPath], { env: { INGEST_NOTIFY_SECRET: SECRET } })
      .ended;
  const { code, stdout, stderr } = await run();
  assert.equal(code, 0, stderr);
  assert.equal(
    stdout,
    '--notify-command accepted the test alarm: it ended with exit code 0\n--notify-webhook accepted the test alarm: it answered with a code from 200 to 299\nA service that runs has the receivers of its start: restart it after a change.\n',
  );
  assert.deepEqual(web.told, ['began test']);
  web.signed(SECRET);
  const [{ state, state_path: path, text }] = web.messages as [(typeof web.messages)[number]];
  assert.deepEqual([path, JSON.parse(readFileSync(got, 'utf8')).state], [world.statePath, state]);
  assert.match(text, /^atomic-ingestor on .+: 1 alarm\nALARM: This is a test alarm/);

  web.answer = (response) => void response.writeHead(500).end('no such channel');
  const refused = await run();
  assert.equal(refused.code, 4);
  assert.match(refused.stdout, /^--notify-webhook did not accept the test alarm: it answered 500: no such channel$/m);
});

test('it works before the first start; without a receiver it says which options name one', async (t) => {
  const world = createWorld(t);
  const web = await Web.open(t);
  assert.equal((await world.run('ingest-ctl', ['notify-test', '--notify-webhook', web.url])).code, 0);
  assert.equal(web.messages[0]!.state, '');
  const { code, stderr } = await world.run('ingest-ctl', ['notify-test']);
  assert.equal(code, 2);
  assert.match(stderr, /needs a receiver of alarms.+add --notify-command or --notify-webhook, or --config FILE/);
});
