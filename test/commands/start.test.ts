/** `npm start`, and the messages that a first user sees. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE, signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

test('npm start makes ./var, names where to drop a file, page, manifest and queue-stat, and a file dropped there appears', async (t) => {
  const world = createWorld(t);
  const program = world.launch('start', ['--stability-seconds', '0', '--quiet-ms', '0'], { cwd: world.root });
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  const page = /http:\/\/localhost:\d+/.exec(program.lines[1]!)![0];
  assert.match(program.lines[2]!, /\.\/var\/manifests\/.+manifest\.jsonl/);
  assert.match(program.lines[0]!, /^Drop a file into \.\/var\/staging; .+ appears in \.\/var\/warehouse\./);
  writeFileSync(join(world.root, 'var/staging/first.csv'), 'a,b\n');
  const { warehouse_path } = await world.event('file_ingested');
  assert.ok(existsSync(String(warehouse_path)));
  await until('the page is served', async () => (await fetch(page).catch(() => undefined))?.ok);
  const [command, ...words] = program.lines[3]!.split('  ').at(-1)!.trim().split(' ') as [string, ...string[]];
  const { code, stdout } = await world.launch(join(PACKAGE, command), words, { cwd: world.root }).ended;
  assert.equal(code, 0, stdout);
  assert.deepEqual(
    readdirSync(join(world.root, 'var'))
      .filter((name) => !name.startsWith('.'))
      .sort(),
    ['manifests', 'staging', 'state', 'warehouse'],
  );
  assert.equal((await program.stop()).code, 0);
});

test('a command says to build first if dist is missing', async (t) => {
  const world = createWorld(t);
  cpSync(join(PACKAGE, 'bin'), join(world.root, 'bin'), { recursive: true });
  writeFileSync(join(world.root, 'package.json'), '{"type": "module"}');
  symlinkSync(join(PACKAGE, 'node_modules'), join(world.root, 'node_modules'));
  const { code, stderr } = await world.launch(join(world.root, 'bin', 'ingest'), []).ended;
  assert.equal(code, 3);
  assert.equal(stderr, 'ingest: the program is not built yet; run npm ci in the folder of the package first.');
});

/** bin/ and the one file of each program, without any module of ours. */
function copyPrograms(root: string): void {
  cpSync(join(PACKAGE, 'bin'), join(root, 'bin'), { recursive: true });
  for (const path of ['package.json', 'dist/program'])
    cpSync(join(PACKAGE, path), join(root, path), { recursive: true });
}

test('npm start ends the processes that it started when only its own pid gets SIGTERM', async (t) => {
  const world = createWorld(t);
  copyPrograms(world.root);
  symlinkSync(join(PACKAGE, 'node_modules'), join(world.root, 'node_modules'));
  // A service manager or a container signals this pid alone. A terminal would signal all processes.
  const npm = world.launch('/usr/bin/env', ['npm', 'start'], { cwd: world.root });
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  const started = npm.descendants();
  t.after(() => started.forEach((pid) => void signal(pid, 'SIGKILL')));
  npm.kill('SIGTERM');
  assert.equal((await world.event('stopped')).exit_code, 0);
  await npm.ended;
});

test('Ctrl-C in a terminal drains npm start once, although npm passes the signal on as well', async (t) => {
  const world = createWorld(t);
  copyPrograms(world.root);
  symlinkSync(join(PACKAGE, 'node_modules'), join(world.root, 'node_modules'));
  const terminal = spawn('script', ['-qec', 'npm start 2> log.jsonl', '/dev/null'], { cwd: world.root });
  const closed = new Promise((resolve) => void terminal.once('close', resolve));
  t.after(() => terminal.kill('SIGKILL'));
  const log = (): string => readFileSync(join(world.root, 'log.jsonl'), { encoding: 'utf8', flag: 'a+' });
  await until('the producer is at work', () => log().includes('"worker":"producer"'));
  terminal.stdin.write('\x03');
  await until('it has stopped', () => /"event":"stopped"/.test(log()));
  await closed; // Until then npm and Node write into the folder, which the end of the test removes.
  assert.match(log(), /"event":"draining"/);
  assert.doesNotMatch(log(), /"event":"stopping"/);
  assert.match(log(), /"event":"stopped".*"exit_code":0|"exit_code":0.*"event":"stopped"/);
});

test('each command is one file', async (t) => {
  const world = createWorld(t);
  copyPrograms(world.root);
  symlinkSync(join(PACKAGE, 'node_modules'), join(world.root, 'node_modules'));
  for (const [command, ...words] of [['queue-stat'], ['ingest-ctl', 'held']] as const) {
    const run = world.launch(join(world.root, 'bin', command), [...words, '--state-path', '/none']);
    const { code, stderr } = await run.ended;
    assert.deepEqual([code, stderr.split(';')[0]], [3, `${command}: there is no state at /none`]);
  }
  for (const command of readdirSync(join(PACKAGE, 'bin')).filter((name) => name.startsWith('ingest'))) {
    const { code, stdout, stderr } = await world.launch(join(world.root, 'bin', command), ['--help']).ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^Usage: ${command} `, 'm'));
  }
});

for (const [module, hint] of [
  ['koffi', /run npm ci \(or npm install\) again without --omit=optional/],
  ['better-sqlite3', /for x64 and arm64, so run npm ci \(or npm install\) again/],
] as const) {
  test(`a command names ${module} and the remedy if the binary of that module is missing`, async (t) => {
    const world = createWorld(t);
    const modules = join(world.root, 'node_modules');
    copyPrograms(world.root);
    const notBinary = (path: string): boolean => !path.endsWith('.node') && !path.includes('/deps');
    cpSync(join(PACKAGE, 'node_modules', module), join(modules, module), { recursive: true, filter: notBinary });
    for (const other of readdirSync(join(PACKAGE, 'node_modules'))) {
      if (other !== module && other !== '@koromix')
        symlinkSync(join(PACKAGE, 'node_modules', other), join(modules, other));
    }
    for (const command of ['ingest', 'queue-stat', 'start']) {
      const { code, stderr } = await world.launch(join(world.root, 'bin', command), []).ended;
      assert.equal(code, 3, stderr);
      assert.ok(stderr.includes(`: the native module ${module} cannot be loaded by Node v`), stderr);
      assert.match(stderr, hint);
      assert.equal(stderr.split('\n').length, 1, 'one sentence, no stack');
    }
  });
}

test('--once names held files and files without a sidecar on stderr, and ends with 4 only for the held', async (t) => {
  const world = createWorld(t, { options: { mode: 'sidecar' } });
  world.drop('lonely.csv', 10);
  const { code, stderr } = await world.run('ingest', ['--once']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /ingest: 1 file without a sidecar, left in the input: .*lonely\.csv/);
  world.drop('large.csv', 200);
  writeFileSync(join(world.input, 'large.csv.ok'), '');
  const held = await world.run('ingest', ['--once', '--max-bytes', '100']);
  assert.equal(held.code, 4, held.stderr);
  assert.match(held.stderr, /ingest: 1 file held .+large\.csv/);
});

test('a worker that is started before its producer waits for the state', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  const worker = world.start('ingest-worker');
  await until('the worker to say that it waits', () => worker.lines.length > 0);
  world.start('ingest-producer');
  await world.stored(1);
  assert.match(worker.lines[0]!, /there is no state at .+ yet; waiting/);
});
