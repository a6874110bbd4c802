/** Faults of a webhook and of a command. Each of them is an error, so the alarm is sent again. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { run } from '../../../src/service/alarms/command.js';
import { limits } from '../../../src/service/alarms/limits.js';
import { type Message, messageOf } from '../../../src/service/alarms/message.js';
import { post } from '../../../src/service/alarms/webhook.js';
import { PLAIN_SHELL } from '../../world/shell.js';
import { until } from '../../world/waiting.js';
import { isAlive } from '../supervise/family.js';
import { Web } from './receiver.js';

const ALARM = {
  ...{ id: '01J9ZQ4T7M0000000000000000', event: 'began' as const, feed: 'orders', code: 'too_large', stage: 'hash' },
  ...{ what: '', count: 1, sentence: 'A \u202e file is held.\n"$(date)"', release: 'Look at it.' },
  ...{ since: '2026-03-02T05:00:00.000Z', began_at: '2026-03-02T05:00:00.000Z', ended_at: null },
};
const ABOUT = { host: 'here', state: 'a-uuid', statePath: '/state.db', shell: PLAIN_SHELL };
const MESSAGE: Message = messageOf({ alarms: [ALARM], more: 0, missed: 0, upTo: 1 }, ABOUT, Date.UTC(2026, 2, 2));
const never = () => new AbortController().signal;
const sent = (web: Web, secret?: string, signal = never()) =>
  post(JSON.stringify(MESSAGE), { url: web.url, secret, wallMs: Date.now }, signal);

function script(t: TestContext, text: string): { path: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'alarm-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'tell');
  writeFileSync(path, `#!/bin/sh\ncd '${folder}'\n${text}\n`);
  chmodSync(path, 0o755);
  return { path, folder };
}

test('only 2xx counts as received; a redirect is not followed, and a long answer is not read to its end', async (t) => {
  const web = await Web.open(t);
  await sent(web);
  assert.equal(web.headers.at(-1)!['ingest-signature'], undefined, 'without a secret there is no signature');
  web.answer = (response) => void response.writeHead(302, { location: `${web.url}/elsewhere` }).end();
  await assert.rejects(sent(web), /^Error: it answered 302 \(redirects are not followed/);
  assert.equal(web.bodies.length, 2);
  web.answer = (response) => {
    response.writeHead(500);
    // The answer never ends.
    response.write('x'.repeat(limits.answerCharsMax * 3));
  };
  await assert.rejects(sent(web), new RegExp(`^Error: it answered 500: x{${limits.answerCharsMax}}$`));
  web.answer = (response) => response.writeHead(200).write('and more');
  await sent(web);
});

test('a certificate that nobody vouches for is refused', async (t) => {
  const [key, cert] = ['key', 'cert'].map((name) => join(script(t, '').folder, name)) as [string, string];
  const args = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=localhost',
  ];
  spawnSync('openssl', ['req', '-x509', ...args, '-keyout', key, '-out', cert]);
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end());
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  await assert.rejects(post('{}', { url, secret: undefined, wallMs: Date.now }, never()), /self-signed certificate/);
});

test('a webhook that does not answer is given up, and no error contains the address', async (t) => {
  const web = await Web.open(t);
  web.answer = undefined;
  const late = new AbortController();
  const posted = sent(web, undefined, late.signal);
  await until('it to have come', () => web.bodies.length === 1);
  late.abort(new Error('it took more than 10 s'));
  await assert.rejects(posted, /^Error: it took more than 10 s$/);
  await web.away();
  await assert.rejects(
    sent(web),
    (error: Error) => /ECONNREFUSED/.test(error.message) && !error.message.includes('/hook'),
  );
});

test('a command gets the document on its standard input and the text in its environment, by no shell and without secrets', async (t) => {
  const { path, folder } = script(
    t,
    'cat > in; env > env; printf "%s" "$1" > first; printf "%s\\n" "$ALARM_SUBJECT" > subject',
  );
  for (const name of ['INGEST_NOTIFY_SECRET', 'AWS_SECRET_ACCESS_KEY']) {
    process.env[name] = 'a secret';
    t.after(() => delete process.env[name]);
  }
  await run([path, '$HOME;*'], MESSAGE, never());
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'in'), 'utf8')), MESSAGE);
  const env = readFileSync(join(folder, 'env'), 'utf8');
  assert.ok(
    env.includes('ALARM_TEXT=atomic-ingestor on here: 1 alarm\nALARM: A \\u202e file is held.\\u000a"$(date)" →'),
  );
  assert.doesNotMatch(env, /a secret/);
  assert.match(env, /^PATH=./m);
  assert.equal(readFileSync(join(folder, 'first'), 'utf8'), '$HOME;*');
  assert.equal(readFileSync(join(folder, 'subject'), 'utf8'), 'atomic-ingestor on here: 1 alarm\n');
});

test('the error of a command has the end of its output; a command that reads nothing is fine', async (t) => {
  const { path } = script(t, 'head -c 100000 /dev/zero | tr "\\0" x; echo; echo "no route to the mail" >&2; exit 75');
  await assert.rejects(run([path], MESSAGE, never()), (error: Error) => {
    assert.ok(error.message.length < limits.answerCharsMax + 100);
    return /^it ended with exit code 75: x+\\u000ano route to the mail$/.test(error.message);
  });
  const large = { ...MESSAGE, alarms: Array.from({ length: 5_000 }, () => ALARM) };
  await run([script(t, 'exec <&-').path], large, never());
  await assert.rejects(run(['/nowhere/at/all'], MESSAGE, never()), /ENOENT/);
});

test('a command that takes too long is killed with all processes that it has started', async (t) => {
  const { path, folder } = script(t, 'sleep 1000 & echo $! > sleeper; echo $$ > shell; wait');
  const late = new AbortController();
  const running = run([path], MESSAGE, late.signal);
  const pidIn = (name: string) => Number(readFileSync(join(folder, name), 'utf8'));
  await until('it to run', () => existsSync(join(folder, 'shell')) && pidIn('shell') > 0);
  late.abort(new Error('it took more than 30 s'));
  await assert.rejects(running, /^Error: it took more than 30 s$/);
  await until('both to be gone', () => !isAlive(pidIn('sleeper')) && !isAlive(pidIn('shell')));
});
