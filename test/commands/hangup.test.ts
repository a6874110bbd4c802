/** A SIGHUP that was ignored at the start stays ignored, as nohup means it: a terminal that closes ends nothing. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../service/dashboard/served.js';
import { PACKAGE, type Program, signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

const IGNORING = ['sh', '-c', 'trap "" HUP; exec "$@"', 'sh'];
const SIGHUP_BIT = 1n;

const ignores = (pid: number): boolean => {
  const [, mask] = /^SigIgn:\s+(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return (BigInt(`0x${mask}`) & SIGHUP_BIT) === SIGHUP_BIT;
};

/** The shell and the kernel send it to each process of the job. */
const hangUp = (program: Program): void => {
  for (const pid of [program.pid, ...program.descendants()]) signal(pid, 'SIGHUP');
};

for (const [command, others] of [
  ['ingest', []],
  ['ingest-producer', ['ingest-worker']],
] as const) {
  test(`${[command, ...others].join(' and ')}: files go on after a hangup that is ignored`, async (t) => {
    const world = createWorld(t);
    const programs = [command, ...others].map((name) => world.start(name, [], { wrap: IGNORING }));
    await world.event('worker_started', ({ worker }) => worker === 'producer');
    await world.event('worker_started', ({ worker }) => String(worker).startsWith('worker'));
    programs.forEach(hangUp);
    await world.isStored(world.drop('after.csv', 100));
    for (const name of ['draining', 'worker_lost']) assert.deepEqual(world.log.named(name), []);
    await world.stop();
    assert.equal(world.log.named('draining').length, programs.length, 'SIGTERM ends it');
  });
}

test('ingest-replicate, ingest-dashboard and queue-stat --watch go on too', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const [source, dest] = ['source', 'dest'].map((name) => join(world.root, name)) as [string, string];
  for (const folder of [source, dest]) mkdirSync(folder);
  const options = { wrap: IGNORING };
  const replicate = world.launch('ingest-replicate', [source, dest], options);
  await world.event('replicating');
  const port = await freePort();
  const dashboard = world.launch(
    'ingest-dashboard',
    [`--state-path=${world.statePath}`, `--dashboard=${port}`],
    options,
  );
  await world.event('dashboard');
  const stat = world.launch('queue-stat', ['--watch', '--json', `--state-path=${world.statePath}`], options);
  const reports = () => stat.stdout.split('\n').length;
  await until('queue-stat has reported', () => reports() > 1);
  for (const program of [replicate, dashboard, stat]) {
    assert(ignores(program.pid), program.command);
    hangUp(program);
  }
  writeFileSync(join(source, 'a.csv'), 'a');
  await until('the mirror goes on', () => readdirSync(dest).includes('a.csv'));
  const before = reports();
  await until('queue-stat goes on', () => reports() > before);
  assert(dashboard.running);
  stat.kill();
  await stat.ended;
  await world.stop();
});

test('every command asks how it was started; without nohup SIGHUP is what it was', async (t) => {
  const world = createWorld(t);
  for (const name of readdirSync(join(PACKAGE, 'bin')).filter((file) => !file.includes('.')))
    assert.match(
      readFileSync(join(PACKAGE, 'bin', name), 'utf8'),
      /inherited\.sh"\nexec .*launch\.cjs" "\$hangup" /,
      name,
    );
  const ingest = world.start('ingest');
  await world.event('worker_started');
  assert(!ignores(ingest.pid));
  signal(ingest.pid, 'SIGHUP');
  assert.equal((await ingest.ended).code, 0);
});
