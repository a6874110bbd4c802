/** queue-stat: exact figures, with daemons and without, for people and programs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import { figuresText } from '../../src/commands/queue-text.js';
import { AGE_BOUNDS } from '../../src/service/status/ages.js';
import type { Report } from '../../src/service/status/report.js';
import { editDatabase } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import { PACKAGE } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';
import { withHeldFile } from './cases.js';

async function report(world: World, args: string[] = []): Promise<Report> {
  const { code, stdout, stderr } = await world.run('queue-stat', ['--json', ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Report;
}

test('with all daemons down: every stage, exact totals, nothing at work', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 1_000);
  world.drop('b.csv', 'same');
  world.drop('c.csv', 'same');
  await world.runOnce();
  const { stages, totals, workers } = await report(world);
  assert.deepEqual(
    stages.map(({ stage }) => stage),
    stagesUsed([]),
  );
  assert.ok(stages.every((s) => s.ready + s.deferred + s.claimed + s.waiting + s.held === 0));
  const files = Object.fromEntries(totals.map(({ name, files, bytes }) => [name, { files, bytes }]));
  assert.deepEqual(files, { stored: { files: 2, bytes: 1_004 }, duplicate: { files: 1, bytes: 4 } });
  assert.ok(workers.every(({ alive }) => !alive));
  const { stdout } = await world.run('queue-stat', ['--all']);
  for (const word of [
    'stage',
    'ready',
    'deferred',
    'claimed',
    'waiting',
    'held',
    'oldest age',
    'files/s',
    'bytes',
    ...stagesUsed([]),
  ]) {
    assert.ok(stdout.includes(word), word);
  }
  assert.match(stdout, /2 stored \(1004 B\)/);
});

test('the rate is the rate of the last minute, also after all processes have ended', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  world.drop('b.csv', 20);
  await world.runOnce();
  editDatabase(world.statePath, (db) => void db.exec("UPDATE history SET counters = '[]', at_ms = at_ms - 10000"));
  const { stages } = await report(world);
  for (const { stage, files_per_second: rate } of stages) assert.ok(rate > 0 && rate <= 0.2, `${stage}: ${rate}`);
  editDatabase(world.statePath, (db) => void db.exec('UPDATE history SET at_ms = at_ms - 60_000'));
  assert.ok((await report(world)).stages.every(({ files_per_second: rate }) => rate === 0));
});

test('a held file is counted, and shown with its reason and its remedy', async (t) => {
  const world = createWorld(t);
  const job = await withHeldFile(world);
  assert.equal(job.code, 'too_large');
  assert.match(job.hint, /--max-bytes/);
  const { stages } = await report(world);
  assert.equal(
    stages.reduce((sum, { held }) => sum + held, 0),
    1,
  );
  const { stdout } = await world.run('ingest-ctl', ['held', '--all']);
  assert.ok(stdout.includes(job.id) && stdout.includes('too_large') && stdout.includes('large.csv'), stdout);
});

test('with daemons: they are listed as alive, and a gate says since when and why', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  await world.run('ingest-ctl', ['pause', 'hash']);
  const { workers, gates } = await report(world);
  assert.ok(workers.some(({ alive, title }) => alive && title.startsWith('producer')));
  assert.deepEqual(
    gates.map(({ feed, stage, cause, code }) => ({ feed, stage, cause, code })),
    [{ feed: '*', stage: 'hash', cause: 'pause', code: 'paused' }],
  );
});

test('a missing state gives exit code 3 and a sentence, and nothing is created', async (t) => {
  const world = createWorld(t);
  const { code, stderr, stdout } = await world.run('queue-stat');
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /^queue-stat: there is no state at .+; name the right one.+$/);
  assert.deepEqual(readdirSync(dirname(world.statePath)), []);
});

test('a file that is not a database is refused with exit code 3 and stays unchanged', async (t) => {
  const world = createWorld(t);
  writeFileSync(world.statePath, 'not a database, but long enough to be taken for one at first sight'.repeat(100));
  const { code, stderr } = await world.run('queue-stat');
  assert.equal(code, 3, stderr);
  assert.match(stderr, /^queue-stat: .+$/);
});

test('the state is found by --input and by --config too', async (t) => {
  const world = createWorld(t);
  const { input, warehouse, manifests } = world.feed();
  const env = { XDG_STATE_HOME: `${world.root}/xdg` };
  world.drop('a.csv', 5);
  const folders = ['--input', input, '--warehouse', warehouse, '--manifests', manifests];
  const ended = await world.launch('ingest', [...folders, '--once', '--stability-seconds', '0', '--quiet-ms', '0'], {
    env,
  }).ended;
  assert.equal(ended.code, 0, ended.stderr);
  const found = ended.events.find(({ event }) => event === 'state_path');
  writeFileSync(world.configPath, `input: ${input}\n`);
  for (const args of [
    ['--input', input],
    ['--config', world.configPath],
  ]) {
    const { code, stdout, stderr } = await world.launch('queue-stat', [...args, '--json'], { env }).ended;
    assert.equal(code, 0, stderr);
    assert.equal((JSON.parse(stdout) as Report).state_path, found?.state_path);
  }
});

/** Two files that wait for their sidecars, in folders of their own. */
async function waiting(t: TestContext): Promise<World> {
  const world = createWorld(t);
  world.drop('north/a.csv', 100);
  world.drop('south/b.csv.gz', 50);
  await world.runOnce(['--mode', 'sidecar']);
  return world;
}

/** Makes all jobs older by that many seconds. */
const age = (world: World, seconds: number): void =>
  editDatabase(
    world.statePath,
    (db) => void db.prepare('UPDATE jobs SET created_ms = created_ms - ?').run(seconds * 1000),
  );

test('waiting files are counted by age: by stage, feed, directory and suffix', async (t) => {
  const world = await waiting(t);
  age(world, 2 * 3_600);
  const column = AGE_BOUNDS.indexOf(8 * 3_600);
  const rowsBy = async (by: string) => {
    const { ages } = await report(world, ['--by', by]);
    assert.equal(ages.by, by);
    for (const { files, by_age } of ages.rows) {
      assert.equal(by_age.length, AGE_BOUNDS.length + 1);
      assert.deepEqual([by_age[column], by_age.reduce((sum, n) => sum + n)], [files, files]);
    }
    return Object.fromEntries(ages.rows.map(({ name, files, bytes }) => [name, `${files} of ${bytes}`]));
  };
  assert.deepEqual(await rowsBy('stage'), {
    'verify-complete': '2 of 150',
    hash: '0 of 0',
    manifest: '0 of 0',
    move: '0 of 0',
  });
  assert.deepEqual(await rowsBy('feed'), { default: '2 of 150' });
  assert.deepEqual(await rowsBy('directory'), { north: '1 of 100', south: '1 of 50' });
  assert.deepEqual(await rowsBy('suffix'), { '.csv': '1 of 100', '.csv.gz': '1 of 50' });
  const { stdout } = await world.run('queue-stat', ['--by', 'suffix']);
  assert.match(stdout, /^suffix +files <10s <1m <10m <1h <8h <1d <7d older$/m);
  assert.match(stdout, /^\.csv\.gz +1 +0 +0 +0 +0 +1 +0 +0 +0$/m);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
});

test('--max-age counts files that are not held, --max-held counts held files: exit code 4 and the reason', async (t) => {
  const world = await waiting(t);
  age(world, 100);
  const ask = async (...args: string[]) => {
    const { code, stderr } = await world.run('queue-stat', args);
    return [code, stderr];
  };
  assert.deepEqual(await ask('--max-age', '3600', '--max-held', '0'), [0, '']);
  const [code, said] = await ask('--max-age', '60');
  assert.equal(code, 4);
  assert.match(String(said), /^queue-stat: a file has been known for 1\d\d s, longer than --max-age 60: .+$/m);
  editDatabase(world.statePath, (db) => {
    db.exec("UPDATE jobs SET was = state, state = 'claimed', owner = 1");
    db.exec("UPDATE jobs SET was = state, state = 'held', owner = NULL, hold_code = 'unreadable', reason = 'a test'");
  });
  assert.deepEqual(await ask('--max-age', '60', '--max-held', '2'), [0, '']);
  const [held, why] = await ask('--max-age', '60', '--max-held', '1');
  assert.equal(held, 4);
  assert.match(
    String(why),
    /^queue-stat: 2 files are held, more than --max-held 1: `ingest-ctl held --state-path \S+` lists them$/m,
  );
});

test('--processes lists who is at work, and who has died', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  const { stdout } = await world.run('queue-stat', ['--processes']);
  assert.match(stdout, /^process +pid condition +quiet for job\n/);
  assert.match(stdout, /^producer +\d+ at work +- +-$/m);
  await world.killAll();
  const after = await world.run('queue-stat', ['--processes', '--json']);
  const processes = JSON.parse(after.stdout) as Report['workers'];
  assert.ok(processes.length > 0);
  for (const { condition } of processes) assert.equal(condition, 'dead');
});

test('queue-stat ends silently when its reader has gone', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const command = spawn(join(PACKAGE, 'bin/queue-stat'), ['--state-path', world.statePath], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  command.stdout.destroy();
  const [said, [code]] = await Promise.all([text(command.stderr), once(command, 'exit')]);
  assert.deepEqual([said, code], ['', 0]);
});

test('a place that hangs has no figure, and the command ends with its own exit code', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('gcc is not installed; not tested: a place that hangs');
  await world.runOnce();
  faults.arm('hangs', 1);
  const { code, stdout } = await world.run('queue-stat', ['--json'], { env: faults.env });
  const { places } = JSON.parse(stdout) as Report;
  const free = Object.fromEntries(places.map(({ place, free_bytes: bytes }) => [place, bytes !== null]));
  assert.deepEqual(free, { input: true, manifests: true, state: true, warehouse: false, work: true });
  assert.equal(code, 0);
  const text = await world.run('queue-stat', ['--all'], { env: faults.env });
  assert.match(text.stdout, /free for warehouse: no answer from /);
});

test('a folder that is missing has no free space, and is called missing', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const { warehouse } = world.feed();
  renameSync(warehouse, `${warehouse} that was`);
  const { stdout } = await world.run('queue-stat', ['--all']);
  assert.ok(stdout.replace(/\s+/g, ' ').includes(`free for warehouse: ${warehouse} is missing `), stdout);
});

test('without an option that names the state, the configuration of the installed service names it', async (t) => {
  if (skipUnlessRoot(t, 'the configuration in /etc')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('a.csv', 10);
  assert.equal((await world.run('ingest', ['--once'])).code, 0);
  const etc = join(world.root, 'etc');
  mkdirSync(join(etc, 'atomic-ingestor'), { recursive: true });
  writeFileSync(join(etc, 'atomic-ingestor/config.yaml'), `state-path: ${world.statePath}\n`);
  // Only the command sees this folder as /etc.
  const run = (...words: string[]) =>
    world.launch('/usr/bin/unshare', ['-m', 'sh', '-c', 'mount --bind "$0" /etc && exec "$@"', etc, ...words]).ended;
  const queueStat = join(PACKAGE, 'bin/queue-stat');
  const found = await run(queueStat, '--all');
  assert.equal(found.code, 0, found.stderr);
  assert.match(found.stdout, /1 stored/);
  const other = await run(queueStat, '--state-path', join(world.root, 'other.db'));
  assert.match(other.stderr, /there is no state at .+other\.db/);
});

test('free space names the feeds of a place, where there are several', () => {
  const place = (name: string, feed: string, device: number) =>
    ({ place: name, feed, path: `/${feed}`, device, free_bytes: 1_024, size_bytes: 2_048, min_free_bytes: 0 }) as never;
  const places = [place('input', 'a', 1), place('input', 'b', 1), place('warehouse', 'a', 2), place('state', '*', 1)];
  const lines = figuresText({ throughput: [], places, service: { version: '1', uptime_seconds: null } } as never);
  assert.deepEqual(lines.slice(0, 2), [
    'free for input of every feed, state: 1.0 KiB of 2.0 KiB',
    'free for warehouse of a: 1.0 KiB of 2.0 KiB',
  ]);
});
