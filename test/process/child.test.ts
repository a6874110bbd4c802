/** The child program: what it says to a worker, what it leaves in the folder, and that it does not outlive the channel. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { processOf } from '../../src/base/config/values/read-process.js';
import type { ChildMessage, FileMessage } from '../../src/process/messages.js';
import { servedMount, unmount } from '../world/mounts.js';
import { PACKAGE } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { temporary } from './temporary.js';

const CHAIN = { format: 'csv', start: 'check', steps: { check: { next: 'route', else: 'reject' } }, module: './m.mjs' };

function spawned(): ChildProcess {
  const child = fork(join(PACKAGE, 'dist/program/process-child.cjs'), [String(1 << 29)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const messages: ChildMessage[] = [];
  child.on('message', (message: ChildMessage) => messages.push(message));
  unread.set(child, messages);
  return child;
}

/** The messages of each child that were not read yet: two may come in one turn of the event loop. */
const unread = new WeakMap<ChildProcess, ChildMessage[]>();

/** The next message that ends something. */
async function answer(child: ChildProcess): Promise<ChildMessage> {
  const messages = unread.get(child)!;
  for (;;) {
    if (messages.length === 0) await once(child, 'message');
    const message = messages.shift()!;
    if (message.kind !== 'progress' && message.kind !== 'begun') return message;
  }
}

async function loaded(directory: string, module: string): Promise<[ChildProcess, ChildMessage]> {
  writeFileSync(join(directory, 'm.mjs'), module);
  const child = spawned();
  child.send({ kind: 'chain', feed: 'a', options: processOf(CHAIN, '', join(directory, 'chain.yaml')) });
  return [child, await answer(child)];
}

function file(directory: string, job: string, text: string): FileMessage {
  const path = join(directory, `${job}.csv`);
  writeFileSync(path, text);
  return { kind: 'file', job, path, name: `${job}.csv`, size: text.length, directory, claim: 7, minFreeBytes: 0 };
}

const partials = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.includes('.out.'))
    .sort();

test('one file after the other: done with its outputs, bad without any, no room without any', async (t) => {
  const directory = temporary(t);
  const [child, ready] = await loaded(
    directory,
    'export default () => ({ route(r, emit) { if (r.k === "x") throw new Error("no x"); emit(r.k, r); } });',
  );
  assert.match(ready.kind === 'ready' ? ready.version : '', /^[0-9a-f]{64}$/);
  child.send(file(directory, 'A', 'k\na\nb\na\n'));
  const done = await answer(child);
  assert.deepEqual(done.kind === 'done' && done.report.outputs, [
    { n: 1, tag: 'a', name: 'a', rows: 2, extension: 'csv' },
    { n: 2, tag: 'b', name: 'b', rows: 1, extension: 'csv' },
  ]);
  assert.deepEqual(partials(directory), ['A.out.1.7', 'A.out.2.7']);
  assert.equal(readFileSync(join(directory, 'A.out.1.7'), 'utf8'), 'k\na\na\n');
  assert.equal(statSync(join(directory, 'A.out.1.7')).mode & 0o777, 0o600);
  child.send(file(directory, 'B', 'k\na\nx\n'));
  const bad = await answer(child);
  assert.deepEqual(bad.kind === 'bad' && [bad.code, bad.line], ['process_failed', 3]);
  assert.match(
    bad.kind === 'bad' ? bad.reason : '',
    /^B\.csv, line 3: step route failed: Error: no x \(m\.mjs:1:\d+\)$/,
  );
  child.send({ ...file(directory, 'C', 'k\na\n'), minFreeBytes: Number.MAX_SAFE_INTEGER });
  assert.equal((await answer(child)).kind, 'no_room');
  child.send({ ...file(directory, 'D', 'k\na\n'), path: join(directory, 'gone') });
  const failed = await answer(child);
  assert.deepEqual(failed.kind === 'failed' && [failed.errno, failed.ofOutput], ['ENOENT', false]);
  child.send({ ...file(directory, 'E', 'k\na\n'), directory: join(directory, 'gone') });
  const unwritten = await answer(child);
  assert.deepEqual(unwritten.kind === 'failed' && [unwritten.errno, unwritten.ofOutput], ['ENOENT', true]);
  assert.deepEqual(partials(directory), ['A.out.1.7', 'A.out.2.7']);
  child.disconnect();
  await once(child, 'exit');
});

for (const [when, then] of Object.entries({
  'at a write': "emit('before', { k: 'x'.repeat(1e6) });",
  'when an output is made': "emit('new', r);",
  'at the end': '',
}))
  test(`a filesystem of the outputs that fails in the middle of a file is no fault of the file: ${when}`, async (t) => {
    if (skipUnlessRoot(t, 'a filesystem of the outputs that fails')) return;
    const directory = temporary(t);
    const [below, at] = ['below', 'at'].map((name) => join(directory, name)) as [string, string];
    mkdirSync(below);
    const server = await servedMount(below, at);
    if (!server) return t.skip('no bindfs or no FUSE: a filesystem of the outputs that fails was not tested');
    const module = `import { readFileSync } from 'node:fs';
      export default () => ({ async route(r, emit) {
        emit('before', r);
        process.kill(${server.pid}, 'SIGKILL');
        for (;;) try { readFileSync(${JSON.stringify(join(at, 'none'))}); }
          catch ({ code }) { if (code === 'ENOTCONN') break; }
        ${then}
      } });`;
    const [child] = await loaded(directory, module);
    try {
      child.send({ ...file(directory, 'A', 'k\na\n'), directory: at });
      const end = await answer(child);
      assert.deepEqual(end, { ...end, kind: 'failed', errno: 'ENOTCONN', ofOutput: true });
    } finally {
      child.kill('SIGKILL');
      unmount(at);
    }
  });

test('a module that cannot be loaded says where; one that fails before the first record too', async (t) => {
  const directory = temporary(t);
  const [broken, reason] = await loaded(directory, 'export default () => ({ route( });');
  assert.match(reason.kind === 'unloadable' ? reason.reason : '', /m\.mjs cannot be loaded: SyntaxError/);
  broken.kill('SIGKILL');
  const [child] = await loaded(directory, 'export default (file) => { null.x; };');
  child.send(file(directory, 'A', 'k\na\n'));
  const answered = await answer(child);
  assert.match(
    answered.kind === 'refused' ? answered.reason : '',
    /fails before the first record: TypeError: .* \(m\.mjs:1:\d+\)/,
  );
  child.kill('SIGKILL');
});

test('a module has no channel to the worker, and one that was changed while it was loaded is not used', async (t) => {
  const directory = temporary(t);
  const talks = 'process.send?.("ready");';
  const [child, ready] = await loaded(
    directory,
    `${talks} export default () => ({ route(r, emit) { process.send?.(null); emit(r.k, r); } });`,
  );
  assert.equal(ready.kind, 'ready');
  child.send(file(directory, 'A', 'k\na\n'));
  assert.equal((await answer(child)).kind, 'done');
  child.kill('SIGKILL');
  const changes = 'import { appendFileSync } from "node:fs"; appendFileSync(import.meta.filename, " ");';
  const [other, changed] = await loaded(directory, `${changes} export default () => ({ route() {} });`);
  assert.match(changed.kind === 'unloadable' ? changed.reason : '', /m\.mjs was changed while it was loaded$/);
  other.kill('SIGKILL');
});

test('outputs are never packed, so they have no .gz, also where a file with that name is not packed', async (t) => {
  const directory = temporary(t);
  const [child] = await loaded(directory, 'export default () => ({ route(r, emit) { emit(r.k, r); } });');
  for (const bytes of [Buffer.from('k\na\n'), gzipSync('k\na\n')]) {
    const sent = { ...file(directory, 'A', ''), name: 'A.csv.gz', size: bytes.length };
    writeFileSync(sent.path, bytes);
    child.send(sent);
    const done = await answer(child);
    assert.deepEqual(done.kind === 'done' && done.report.outputs.map(({ extension }) => extension), ['csv']);
    for (const name of partials(directory)) rmSync(join(directory, name));
  }
  child.kill('SIGKILL');
});

test('a promise that nobody awaited is the fault of its file; the process ends', async (t) => {
  const directory = temporary(t);
  const module =
    'export default () => ({ route() { void Promise.reject(new Error("lost")); }, end: () => new Promise(() => {}) });';
  const [child] = await loaded(directory, module);
  child.send(file(directory, 'A', 'k\na\n'));
  const bad = await answer(child);
  assert.match(bad.kind === 'bad' ? bad.reason : '', /nobody|no step returned was rejected: Error: lost/);
  await once(child, 'exit');
});

test('an emit after the end of its file ends the process with a sentence, and its job stays done', async (t) => {
  const directory = temporary(t);
  const go = join(directory, 'go');
  const module = `import { existsSync } from 'node:fs';
    export default () => ({ route(r, emit) {
      emit('out', r);
      const later = () => {
        if (!existsSync(${JSON.stringify(go)})) setImmediate(later);
        else try { emit('out', r); } catch {}
      };
      later();
    } });`;
  const [child] = await loaded(directory, module);
  child.send(file(directory, 'A', 'k\na\n'));
  assert.equal((await answer(child)).kind, 'done');
  writeFileSync(go, '');
  const late = await answer(child);
  const reason = /: A\.csv, line 2: emit of route was called after it had ended; /;
  assert.match(late.kind === 'unloadable' ? late.reason : '', reason);
  await once(child, 'exit');
  assert.equal(readFileSync(join(directory, 'A.out.1.7'), 'utf8'), 'k\na\n');
});

test('a step that goes on after its file was held makes no output', async (t) => {
  const directory = temporary(t);
  const module = `let wake; const gone = new Promise((resolve) => (wake = resolve));
    export default ({ name }) => ({
      route(r, emit) { if (name === 'A.csv') emit('slow', r); else wake(); emit('check', { k: '', x: '' }); },
      async slow(r, emit) { await gone; emit('late', r); },
    });`;
  const [child] = await loaded(directory, module);
  child.send(file(directory, 'A', 'k\na\n'));
  assert.equal((await answer(child)).kind, 'bad');
  child.send(file(directory, 'B', 'k\na\n'));
  assert.equal((await answer(child)).kind, 'bad');
  assert.deepEqual(partials(directory), []);
  child.kill('SIGKILL');
});

test('it gives way, goes first where memory is short, and ends with its channel', async (t) => {
  const directory = temporary(t);
  const module =
    'setInterval(() => {}, 1000); process.on("exit", () => { for (;;); }); export default () => ({ route() {} });';
  const [child] = await loaded(directory, module);
  assert.equal(readFileSync(`/proc/${child.pid}/oom_score_adj`, 'utf8'), '1000\n');
  assert.equal(readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[16], '19');
  child.disconnect();
  await once(child, 'exit');
});
