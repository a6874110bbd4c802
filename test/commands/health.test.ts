/**
 * Monitoring while processes that should run do not: real processes, killed and stopped, each role alone.
 * `queue-stat` (exit code and findings), `queue-stat --check` and `ingest-ctl explain` must agree.
 */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Finding } from '../../src/ingest/health/finding.js';
import type { Report } from '../../src/service/status/report.js';
import { isStopped } from '../queue/processes.js';
import { fill } from '../scenarios/trouble.js';
import { dashboardAlone } from '../service/dashboard/served.js';
import { tmpfsMount } from '../world/mounts.js';
import { type Program, signal } from '../world/program.js';
import { isInRunbook } from '../world/runbook.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const SAID_WITHIN = { everyMs: 200 };
/** No test exceeds these bounds by its own figures. */
const BOUNDS = ['--max-age', '3600', '--max-held', '5'];

interface Check {
  code: number | null;
  stderr: string;
  findings: Finding[];
}

async function check(world: World): Promise<Check> {
  const { code, stderr, stdout } = await world.run('queue-stat', ['--json', ...BOUNDS]);
  return { code, stderr, findings: (JSON.parse(stdout) as Report).findings };
}

/** Waits until the check fails with that finding, as *stuck*. Returns the finding. */
async function fails(world: World, code: string, sentence: RegExp): Promise<Finding> {
  let last: Check | undefined;
  const found = await until(
    `a check that fails with ${code}`,
    async () => {
      last = await check(world);
      return last.findings.find((one) => one.code === code && sentence.test(one.sentence));
    },
    { ...SAID_WITHIN, soFar: () => JSON.stringify(last) },
  );
  assert.equal(found.severity, 'stuck');
  assert.equal(last!.code, 4, last!.stderr);
  assert.match(last!.stderr, sentence);
  const line = await world.run('queue-stat', ['--check', ...BOUNDS]);
  assert.equal(line.code, 2, line.stdout);
  assert.match(line.stdout, /^INGEST CRITICAL - .+ \| waiting=\d+;;;0 held=\d+;;5;0 oldest=\d+s;;3600;0\n$/);
  // If several stages have no worker, the line names the first of them.
  const heads = last!.findings.map((one) => one.sentence.slice(0, 30));
  assert.ok(
    heads.some((head) => line.stdout.includes(` - ${head}`)),
    line.stdout,
  );
  return found;
}

async function passes(world: World): Promise<Finding[]> {
  const { code, stderr, findings } = await check(world);
  assert.deepEqual([code, stderr], [0, '']);
  const line = await world.run('queue-stat', ['--check', ...BOUNDS]);
  assert.deepEqual([line.code, line.stderr], [0, ''], line.stdout);
  assert.match(line.stdout, /^INGEST OK - \d+ files? (is|are) on the way.*; \d+ held \| waiting=/);
  return findings;
}

const explained = async (world: World, name: string): Promise<string> =>
  (await world.run('ingest-ctl', ['explain', join(world.input, name)])).stdout;

/** The time belongs to this test: it is not before the start and not in the future. */
function isRecent(since: string | null): void {
  const ms = Date.parse(since ?? '');
  assert.ok(ms > Date.now() - 120_000 && ms <= Date.now() + 1_000, String(since));
}

/** The same while other processes live: within seconds one of them notices the trouble and records the time. */
async function failsSince(world: World, code: string, sentence: RegExp): Promise<void> {
  const since = async () => (await fails(world, code, sentence)).since ?? undefined;
  isRecent(await until('another process to notice', since, SAID_WITHIN));
}

/** A service that has stored a file. */
async function atWork(t: TestContext, commands: readonly ('ingest' | 'ingest-producer' | 'ingest-worker')[]) {
  const world = createWorld(t);
  const programs = commands.map((command) => world.start(command));
  world.drop('before.csv', 10);
  await world.stored(1);
  await passes(world);
  return { world, programs: programs as [Program, ...Program[]] };
}

test('a service that was killed: stuck since its last sign, until it runs again', async (t) => {
  const { world } = await atWork(t, ['ingest']);
  await world.killAll();
  for (let n = 0; n < 3; n++) world.drop(`late-${n}.csv`, 20 + n);
  const { since } = await fails(
    world,
    'nobody',
    /No process is at work on this state: the service died; it wrote last at/,
  );
  isRecent(since);
  assert.match(await explained(world, 'late-0.csv'), /not noticed yet\.\n.*no producer is running/);
  world.start('ingest');
  await world.stored(4);
  await passes(world);
});

test('a service that an operator stopped is reported too, until a clean --once ends the report', async (t) => {
  const { world } = await atWork(t, ['ingest']);
  await world.stop();
  isRecent((await fails(world, 'nobody', /the service was stopped; 0 files wait, and new ones are not noticed/)).since);
  await world.runOnce();
  await passes(world);
});

test('after --once, as cron runs it, only ages and held files count', async (t) => {
  const world = createWorld(t);
  world.drop('left.csv', 10);
  await world.runOnce(['--mode', 'sidecar']);
  const findings = await passes(world);
  assert.deepEqual(
    findings.map(({ code, severity }) => [code, severity]),
    [['nobody', 'notice']],
  );
});

test('a killed --once does not end the report of a killed service', async (t) => {
  const { world } = await atWork(t, ['ingest']);
  await world.killAll();
  const writer = world.writer('open.csv');
  writer.write('not yet all');
  world.start('ingest', ['--once']);
  await until('it is at work', () => world.jobs().some(({ key }) => key === 'open.csv'));
  await world.killAll();
  await fails(world, 'nobody', /No process is at work/);
  await writer.close();
});

test('a producer that was killed alone', async (t) => {
  const { world, programs } = await atWork(t, ['ingest-producer', 'ingest-worker']);
  programs[0].killAll();
  await failsSince(world, 'no_producer', /watches the inputs/);
  world.drop('late.csv', 20);
  assert.match(await explained(world, 'late.csv'), /not noticed yet\.\n.*no producer is running/);
});

test('workers that were killed alone', async (t) => {
  const { world, programs } = await atWork(t, ['ingest-producer', 'ingest-worker']);
  programs[1]!.killAll();
  await failsSince(world, 'no_worker', /No process does hash; 0 files wait there/);
  world.drop('late.csv', 20);
  await until('it is known', () => world.jobs().some(({ key }) => key === 'late.csv'));
  const text = await explained(world, 'late.csv');
  assert.match(text, /No process is running that does verify-complete/);
  assert.doesNotMatch(text, /its turn|then it is taken/i);
});

test('a dashboard that lives does not stand in for the service', async (t) => {
  const { world, programs } = await atWork(t, ['ingest']);
  const served = await dashboardAlone(world);
  programs[0].killAll();
  await fails(world, 'nobody', /No process is at work on this state: the service died/);
  const metric = /^ingest_findings\{severity="stuck",code="nobody"\} 1$/m;
  const isMeasured = async () => metric.test((await served.ask('/metrics')).body);
  await until('the metric that the alert asks for', isMeasured, SAID_WITHIN);
  const findings = async () => (await served.snapshot()).findings.filter(({ code }) => code === 'nobody');
  const isTimed = async () =>
    (await findings())[0]?.sentence.endsWith('the service died; 0 files wait, and new ones are not noticed.');
  await until('the dashboard to note when', isTimed, SAID_WITHIN);
  isRecent((await findings())[0]!.since);
});

test('a parent that is stopped alone', async (t) => {
  const { world, programs } = await atWork(t, ['ingest']);
  const [{ pid }] = programs;
  await stop(pid);
  const { release, since } = await fails(
    world,
    'process_stopped',
    /The parent of "producer" and "worker .*" .* is stopped/,
  );
  assert.match(release, new RegExp(`kill -CONT ${pid}\\b`));
  isRecent(since);
  signal(pid, 'SIGCONT');
  await until('the check passes again', async () => (await check(world)).code === 0);
});

test('a producer that is stopped: new files are not noticed, since when', async (t) => {
  const { world, programs } = await atWork(t, ['ingest-producer', 'ingest-worker']);
  await stop(...programs[0].descendants());
  world.drop('late.csv', 20);
  isRecent((await fails(world, 'process_stopped', /"producer" .* is stopped .*; new files are not noticed/)).since);
  const text = await explained(world, 'late.csv');
  assert.match(text, /The only process that notices new files \(pid \d+\) is stopped/);
  assert.doesNotMatch(text, /next scan/);
});

test('a worker that is stopped: explain says of a waiting file that its worker is stopped', async (t) => {
  const { world, programs } = await atWork(t, ['ingest-producer', 'ingest-worker']);
  await stop(...programs[1]!.descendants());
  world.drop('late.csv', 20);
  isRecent((await fails(world, 'process_stopped', /"worker .*" .* is stopped .*; its files in progress wait/)).since);
  await until('it is known', () => world.jobs().some(({ key }) => key === 'late.csv'));
  const text = await explained(world, 'late.csv');
  assert.match(text, /The only process that does verify-complete \(pid \d+\) is stopped/);
  assert.doesNotMatch(text, /its turn|then it is taken/i);
});

test('a small disk of the state that is nearly empty is not reported; a full one is, also by explain', async (t) => {
  if (skipUnlessRoot(t, 'the report of a full disk of the state')) return;
  const world = createWorld(t);
  const directory = dirname(world.statePath);
  tmpfsMount(directory, { size: '200m' });
  world.start('ingest');
  world.drop('before.csv', 10);
  await world.stored(1);
  assert.deepEqual(await passes(world), []);
  fill(join(directory, 'ballast'), 200 * 1024);
  world.drop('late.csv', 20);
  const { findings } = await check(world);
  const { sentence } = findings.find(({ code }) => code === 'state_full')!;
  assert.match(sentence, /is full.* no file goes on/);
  assert.ok(isInRunbook(sentence), sentence);
  const text = await explained(world, 'late.csv');
  assert.match(text, /The disk of the state .* is full/);
  assert.doesNotMatch(text, /next scan|its turn|then it is taken/i);
});

async function stop(...pids: number[]): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  await until('they are stopped', () => pids.every(isStopped));
}
