/** The examples of docs/alarms.md work as they are printed. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseExpectation } from '../../../src/base/config/values/expect.js';
import { run } from '../../../src/service/alarms/command.js';
import { messageOf } from '../../../src/service/alarms/message.js';
import { post, signatureOf } from '../../../src/service/alarms/webhook.js';
import { load, makeFolders } from '../../base/config/folders.js';
import { PACKAGE } from '../../world/program.js';
import { PLAIN_SHELL } from '../../world/shell.js';
import { until } from '../../world/waiting.js';
import { freePort } from '../dashboard/served.js';
import { SECRET } from './receiver.js';

const DOCUMENT = readFileSync(join(PACKAGE, 'docs/alarms.md'), 'utf8');
const never = new AbortController().signal;

/** The first block of that language after a heading. */
function example(heading: string, language: string): string {
  const [, text] =
    new RegExp(`^## ${heading}\n[\\s\\S]*?^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(DOCUMENT) ?? [];
  assert.ok(text, `${heading} has no ${language}`);
  return text;
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'alarm-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const ALARM = {
  ...{ id: '01J9ZQ4T7M0000000000000000', event: 'began' as const, feed: 'orders', code: 'too_large', stage: 'hash' },
  ...{ what: '', count: 1, sentence: 'größer als erlaubt', release: 'Look at it.' },
  ...{ since: '2026-03-02T05:00:00.000Z', began_at: '2026-03-02T05:00:00.000Z', ended_at: null },
};
const MESSAGE = messageOf(
  { alarms: [ALARM], more: 0, missed: 0, upTo: 1 },
  { host: 'here', state: 'a-uuid', statePath: '/state.db', shell: PLAIN_SHELL },
  Date.now(),
);
const BODY = JSON.stringify(MESSAGE);

test('the receiver in Node accepts a genuine message, and refuses one that was changed, is old or has another signature', async (t) => {
  const program = join(folderOf(t), 'receiver.mjs');
  writeFileSync(program, example('Is it genuine\\?', 'js'));
  const port = await freePort();
  const child = spawn(process.execPath, [program], {
    env: { SECRET, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const url = `http://127.0.0.1:${port}/`;
  const by = (secret: string | undefined, wallMs = Date.now) => post(BODY, { url, secret, wallMs }, never);
  await until('it to listen', () =>
    by(SECRET).then(
      () => true,
      () => false,
    ),
  );
  await assert.rejects(by('another-secret-that-is-long'), /401/);
  await assert.rejects(by(undefined), /401/);
  await assert.rejects(
    by(SECRET, () => Date.now() - 301_000),
    /401/,
  );
  await until('it to print the alarm', () => said === `began ${ALARM.id} ${ALARM.sentence}\n`);
});

test('the shell example decides the same for a body in a file', (t) => {
  const cwd = folderOf(t);
  writeFileSync(join(cwd, 'body.json'), BODY);
  const check = (signature: string) =>
    spawnSync('sh', ['-ec', example('Is it genuine\\?', 'sh')], {
      cwd,
      env: { PATH: process.env.PATH, SECRET, SIGNATURE: signature },
    }).status;
  assert.equal(check(signatureOf(SECRET, BODY, Date.now())), 0);
  for (const wrong of [
    signatureOf(SECRET, `${BODY} `, Date.now()),
    signatureOf('x', BODY, Date.now()),
    signatureOf(SECRET, BODY, Date.now() - 400_000),
    '',
  ])
    assert.notEqual(check(wrong), 0, wrong);
});

test('the command writes a mail', async (t) => {
  const folder = folderOf(t);
  const [command, sendmail, mail] = ['tell', 'sendmail', 'mail'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(command, example('A command', 'sh').replace('/usr/sbin/sendmail', sendmail));
  writeFileSync(sendmail, `#!/bin/sh\ncat > '${mail}'\n`);
  for (const path of [command, sendmail]) chmodSync(path, 0o755);
  await run([command], MESSAGE, never);
  const [head, text, document] = readFileSync(mail, 'utf8').split('\n\n');
  assert.match(head!, /^To: .*\nSubject: atomic-ingestor on here: 1 alarm$/m);
  assert.equal(`${text}`, MESSAGE.text);
  assert.deepEqual(JSON.parse(document!), MESSAGE);
});

test('the configuration of the document is accepted, and its keys are the keys of the message', (t) => {
  const folders = makeFolders(t);
  const [, yaml] = /^```yaml\n([\s\S]*?)^```$/m.exec(DOCUMENT)!;
  const file = join(folders.root, 'config.yaml');
  const secret = join(folders.root, 'secret');
  writeFileSync(secret, SECRET, { mode: 0o600 });
  const dirs = ['input', 'warehouse', 'manifests'] as const;
  writeFileSync(
    file,
    yaml!
      .replace('/etc/atomic-ingestor/notify.secret', secret)
      .replace('/usr/local/bin/mail-operators', '/bin/true')
      .replace('  orders:\n', `  orders:\n${dirs.map((dir) => `    ${dir}: ${folders[dir]}\n`).join('')}`),
  );
  const { feeds, service } = load(folders, ['--config', file]);
  assert.deepEqual(
    feeds[0]!.expect,
    ['orders-*.csv by 06:30 on mon-fri', 'clicks-*.gz every 24h'].map(parseExpectation),
  );
  assert.deepEqual(service.notify, { command: ['/bin/true'], webhook: 'https://example.org/alarms', secret: SECRET });
  const shown = JSON.parse(example('The document', 'json'));
  assert.deepEqual([Object.keys(shown), Object.keys(shown.alarms[0])], [Object.keys(MESSAGE), Object.keys(ALARM)]);
});

test('what only a service that still runs can send is not promised of one that has ended', () => {
  const row = DOCUMENT.split('\n').find((line) => line.startsWith('| `no_producer`, `nobody` |'));
  assert.match(row ?? '', /a notifier still runs/);
  assert.match(DOCUMENT, /A service that has ended sends nothing/);
});
