/** Options for expected deliveries and for alarms: in words or as keys of the file, and the values that are refused. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseExpectation } from '../../../src/base/config/values/expect.js';
import { load, makeFolders, refusal } from './folders.js';

const DAILY = { glob: 'orders-*.csv', by: 390, from: 0, days: [1, 2, 3, 4, 5] };

test('an expectation in words and one in keys mean the same, from a flag, the environment and the file', (t) => {
  const folders = makeFolders(t);
  const path = join(folders.root, 'config.yaml');
  const expected = (yaml: string, argv: string[] = [], env = {}) => {
    writeFileSync(path, yaml);
    return load(folders, [...folders.flags, '--config', path, ...argv], env).feeds[0]!.expect;
  };
  assert.deepEqual(expected("expect: [{ glob: 'orders-*.csv', by: 06:30, days: mon-fri }]"), [DAILY]);
  assert.deepEqual(expected("expect: [{ glob: 'orders-*.csv', by: '06:30', days: [mon, tue, wed, thu, fri] }]"), [
    DAILY,
  ]);
  assert.deepEqual(expected("expect: ['orders-*.csv by 06:30 on mon-fri', 'x every 2h']"), [
    DAILY,
    { glob: 'x', everyMs: 7_200_000 },
  ]);
  assert.deepEqual(expected('', [], { INGEST_EXPECT: 'orders-*.csv by 06:30 on mon-fri,x every 2h' })!.length, 2);
  assert.deepEqual(expected('', ['--expect', 'a b by 23:59 from 20:00', '--expect', 'y every 1d'])![0], {
    ...{ glob: 'a b', by: 1439, from: 1200, days: [0, 1, 2, 3, 4, 5, 6] },
  });
  assert.deepEqual(expected(''), []);
});

test('a misspelt key of an expectation is refused, and the message names the nearest key', (t) => {
  const folders = makeFolders(t);
  const path = join(folders.root, 'config.yaml');
  for (const [yaml, sentence] of [
    ['expect: [{ glob: x, by: 06:30, day: mon }]', /"expect\.day" in .* did you mean expect\.days\?/],
    [
      'feeds: { orders: { expect: [{ glub: x, every: 1h }] } }',
      /"feeds\.orders\.expect\.glub" in .* did you mean feeds\.orders\.expect\.glob\?/,
    ],
  ] as const) {
    writeFileSync(path, yaml);
    const error = refusal(() => load(folders, [...folders.flags, '--config', path]));
    assert.equal(error.code, 'unknown_key');
    assert.match(error.message, sentence);
  }
  for (const item of [
    '{ glob: x }',
    '{ by: 06:30 }',
    '{ glob: x, every: 24 }',
    '{ glob: x, by: 06:30, every: 1h }',
    '7',
    '{ glob: x, by: 06:30, days: [] }',
  ]) {
    writeFileSync(path, `expect: [${item}]`);
    const error = refusal(() => load(folders, [...folders.flags, '--config', path]));
    assert.deepEqual([error.code, /must be GLOB by HH:MM/.test(error.message)], ['bad_value', true], item);
  }
});

test('days wrap round the end of a week', () => {
  assert.deepEqual(parseExpectation('x by 06:30 on sat-mon'), { glob: 'x', by: 390, from: 0, days: [0, 1, 6] });
});

test('a command that cannot be run and a weak secret are refused before anything starts', (t) => {
  const folders = makeFolders(t);
  const notify = (...argv: string[]) => load(folders, [...folders.flags, ...argv]).service.notify;
  assert.equal(notify(), undefined);
  assert.deepEqual(notify('--notify-command', '/bin/echo -n  x')!.command, ['/bin/echo', '-n', 'x']);
  for (const program of ['/nowhere', folders.input, '/etc/passwd'])
    assert.equal(refusal(() => notify('--notify-command', program)).code, 'notify_command_unusable', program);
  const secret = join(folders.root, 'secret');
  writeFileSync(secret, 'short\n', { mode: 0o644 });
  const signed = ['--notify-webhook', 'https://example.org/x', '--notify-secret-file', secret];
  const exposed = refusal(() => notify(...signed));
  assert.deepEqual([exposed.code, exposed.exitCode], ['secret_exposed', 3]);
  chmodSync(secret, 0o600);
  assert.match(refusal(() => notify(...signed)).message, /^the secret in .* must have 16 to /);
  writeFileSync(secret, 'long-enough-for-this\n');
  assert.equal(notify(...signed)!.secret, 'long-enough-for-this');
});
