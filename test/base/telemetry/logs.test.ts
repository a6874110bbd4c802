/** Logs: bunyan lines that no name can break, levels as text beside the numbers, and lines for people. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { emit, subscribe } from '../../../src/base/telemetry/emit.js';
import { sentenceOf } from '../../../src/base/telemetry/events.js';
import type { LineWriter } from '../../../src/base/telemetry/line-writer.js';
import { bunyanSubscriber } from '../../../src/base/telemetry/log.js';
import { safeJsonLine, safeText, shownBytes, shownSeconds } from '../../../src/base/telemetry/safe.js';

const NASTY = [
  '\n{"event":"forged"}',
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b31m',
  '\u202egpj.exe',
  '\u2066x\u2069',
  '\u2028',
  '\u0000',
  '"\\',
];

/** What was written by a logger of that level, as text. */
function logged(t: TestContext, level: 'trace' | 'info' | 'warn', act: () => void): string {
  const lines: string[] = [];
  const writer = { write: (line: string) => void lines.push(line) } as unknown as LineWriter;
  const end = subscribe(bunyanSubscriber(level, { role: 'test' }, writer));
  t.after(end);
  act();
  end();
  return lines.join('');
}

test('each event is one JSON line with its name, severity and fields, and bunyan keeps its number', (t) => {
  const written = logged(t, 'info', () =>
    emit('file_held', { feed: 'default', path: 'a.csv', code: 'too_large', reason: 'r', hint: 'Do it.' }),
  );
  assert.equal(written.split('\n').length, 2);
  const line = JSON.parse(written);
  assert.equal(line.name, 'atomic-ingestor');
  assert.equal(line.event, 'file_held');
  assert.equal(line.severity, 'warn');
  assert.equal(line.level, 40);
  assert.equal(line.v, 0);
  assert.equal(line.role, 'test');
  assert.equal(line.msg, 'a.csv is held (too_large): r. Do it.');
});

test('a name that would forge a line or act on a terminal stays inside its field, and comes back whole', (t) => {
  for (const path of NASTY) {
    const written = logged(t, 'info', () => emit('file_ready', { path }));
    assert.equal(written.trimEnd().split('\n').length, 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    assert.doesNotMatch(written.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
    assert.equal(JSON.parse(written).path, path);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    assert.doesNotMatch(sentenceOf('file_ready', { path }), /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
  }
  assert.equal(safeText('ü 漢 🙂'), 'ü 漢 🙂');
  assert.equal(JSON.parse(safeJsonLine(JSON.stringify({ a: '\u202e' }))).a, '\u202e');
});

test('--log-level drops what is less severe', (t) => {
  const all = () => {
    emit('scan_done', { feed: 'default' });
    emit('file_ready', { path: 'a' });
    emit('overflow', { total: 1 });
  };
  const events = (level: 'trace' | 'info' | 'warn') =>
    logged(t, level, all)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).event);
  assert.deepEqual(events('trace'), ['scan_done', 'file_ready', 'overflow']);
  assert.deepEqual(events('info'), ['file_ready', 'overflow']);
  assert.deepEqual(events('warn'), ['overflow']);
});

test('fields named as bunyan names its own, big integers and errors do no harm', (t) => {
  const written = logged(t, 'info', () =>
    emit('x', { name: 'n', level: 1, pid: 'p', big: 2n ** 64n, error: new Error('why') }),
  );
  const line = JSON.parse(written);
  assert.equal(line.name, 'atomic-ingestor');
  assert.equal(line.field_name, 'n');
  assert.equal(line.pid, process.pid);
  assert.equal(line.big, '18446744073709551616');
  assert.equal(line.error, 'why');
});

test('a subscriber that throws disturbs nobody, and its fault is an event', (t) => {
  const heard: unknown[] = [];
  t.after(
    subscribe((event) => {
      if (event === 'still_heard') throw new Error('broken on purpose');
    }),
  );
  t.after(subscribe((event, { failed_at: at }) => void heard.push(at === undefined ? event : { event, at })));
  emit('still_heard');
  assert.deepEqual(heard, [{ event: 'bug', at: 'still_heard' }, 'still_heard']);
});

test('lines of several processes on one pipe are never torn, and all are there after process.exit', () => {
  const module = fileURLToPath(new URL('../../../src/base/telemetry/line-writer.js', import.meta.url));
  const writer = `import { LineWriter } from ${JSON.stringify(module)}; const w = new LineWriter();
    for (let i = 0; i < 3000; i++) w.write(process.argv[1].repeat(150) + '\\n'); process.exit(0)`;
  const one = (letter: string) => `${process.execPath} --input-type=module -e "$WRITER" ${letter}`;
  const { stdout } = spawnSync('sh', ['-c', `{ ${one('a')} & ${one('b')} & wait; } 2>&1 | cat`], {
    encoding: 'utf8',
    env: { ...process.env, WRITER: writer },
    maxBuffer: 1 << 24,
  });
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 6_000);
  assert.ok(lines.every((line) => /^(a{150}|b{150})$/.test(line)));
});

test('sizes and times are shown as people read them', () => {
  assert.deepEqual([0, 1023, 1536, 1_048_576, 5 * 2 ** 30].map(shownBytes), [
    '0 B',
    '1023 B',
    '1.5 KiB',
    '1.0 MiB',
    '5.0 GiB',
  ]);
  assert.deepEqual([0, 9.94, 59, 93, 3_600, 90_061].map(shownSeconds), [
    '0.0s',
    '9.9s',
    '59s',
    '1m33s',
    '1h0m',
    '1d1h',
  ]);
});
