/**
 * The runbook's own commands mend each sick state that ops/simulate/sick.sh plants: queue-stat names the state as the runbook
 * quotes it, at most three commands mend it, and everything arrives once.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import type { Options } from '../world/layout.js';
import { bindMount, tmpfsMount } from '../world/mounts.js';
import { PACKAGE } from '../world/program.js';
import { patternOf, RUNBOOK } from '../world/runbook.js';
import { give, serviceUser, skipUnlessRoot, sudoShims, type User } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const COMMANDS_MAX = 3;

interface Sick {
  heading: string;
  plant: string;
  /** Makes the warehouse a filesystem of its own; needs root. */
  mount?: (world: World) => void;
  options?: Options;
}

/** The quote of a section, and the commands under it. */
function section(heading: string): { quote: string; commands: string } {
  const [, text] = new RegExp(`^### ${heading}\\n([\\s\\S]*?)(?=^##)`, 'm').exec(RUNBOOK) ?? [];
  assert.ok(text, `the runbook has no section "${heading}"`);
  const [, quote] = /^> (.*)$/m.exec(text) ?? [];
  const [, commands] = /^```sh\n([\s\S]*?)^```$/m.exec(text) ?? [];
  assert.ok(quote && commands, heading);
  assert.ok(commands.trim().split('\n').length <= COMMANDS_MAX, `${heading}: more than ${COMMANDS_MAX} commands`);
  return { quote, commands };
}

/** This world is the machine of the runbook. The test plays its service manager and its fstab. */
function mend(world: World, service: User | undefined, commands: string): void {
  const { input, warehouse } = world.feed();
  const here = commands.replaceAll('/srv/ingest/staging', input).replaceAll('/srv/ingest/warehouse', warehouse);
  const shims = `${sudoShims(service)}
    systemctl() { echo "$*" >> '${join(world.root, 'systemctl')}'; }
    journalctl() { :; }
    mount() { command mount --bind '${join(world.root, 'source')}' "$1"; }`;
  // Stands for the configuration in /etc, where the commands of the package find the state.
  const env = {
    ...process.env,
    INGEST_STATE_PATH: world.statePath,
    PATH: `${join(PACKAGE, 'bin')}:${process.env.PATH}`,
  };
  const { status, stderr } = spawnSync('bash', ['-ec', `${shims}\n${here}`], { encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  if (existsSync(join(world.root, 'systemctl'))) world.start('ingest');
}

async function isMended(t: TestContext, { heading, plant, mount, options }: Sick): Promise<void> {
  if (mount && skipUnlessRoot(t, `the runbook's "${heading}"`)) return;
  const { quote, commands } = section(heading);
  const service = serviceUser(t);
  const user = service && { user: service };
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, ...options }, ...user });
  const { input, warehouse } = world.feed();
  mkdirSync(warehouse, { recursive: true });
  mount?.(world);
  if (service) give(service, warehouse);
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1);
  // Root plants it. An open file must belong to the service: it has no CAP_LEASE here, which the unit gives, for files of others.
  const by = service && plant !== 'open-writer' ? { user: { uid: 0, gid: 0 } } : {};
  const sick = world.launch(join(PACKAGE, 'ops/simulate/sick.sh'), [plant, input, warehouse, world.statePath], by);
  if (plant !== 'open-writer') assert.equal((await sick.ended).code, 0);
  world.drop('after.csv', 3_000_000);
  let said = '';
  const isNamed = async () => {
    said = (await world.run('queue-stat')).stdout.replace(/\s+/g, ' ');
    return patternOf(quote).test(said);
  };
  await until(`queue-stat to say ${patternOf(quote)}`, isNamed, { soFar: () => said });
  mend(world, service, commands);
  await world.stored();
  await until('nothing to be wrong', async () => {
    const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
    return (
      findings.every(({ severity }) => severity !== 'stuck') && world.jobs().every(({ state }) => state === 'done')
    );
  });
  await world.stop();
  // This world did not drop the file of the writer that never closes. It is stored as it was left.
  if (plant === 'open-writer') assert.equal(world.manifest().length, 3);
  else world.check();
}

const small = (world: World) => void tmpfsMount(world.feed().warehouse, { size: '32m' });
const bound = (world: World) => {
  mkdirSync(join(world.root, 'source'));
  bindMount(join(world.root, 'source'), world.feed().warehouse);
};

const SICK: Sick[] = [
  { heading: 'A stage is paused', plant: 'paused' },
  { heading: 'Files are held', plant: 'held' },
  { heading: 'The disk of the warehouse is full', plant: 'full', mount: small },
  {
    heading: 'A filesystem is below its watermark',
    plant: 'low',
    mount: small,
    options: { minFreeBytes: 8_388_608 },
  },
  { heading: 'The warehouse is not mounted', plant: 'unmounted', mount: bound },
  { heading: 'A process is stopped', plant: 'stopped' },
  { heading: 'A writer never closes its file', plant: 'open-writer' },
  { heading: 'Nobody is at work', plant: 'nobody' },
];

test('each command names its user, and those of the sick states are all run', () => {
  const blocks = [...RUNBOOK.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
  const commands = blocks.flatMap((block) => block.trim().split('\n'));
  assert.deepEqual(
    commands.filter((command) => !/^(?:sudo |sudoedit )/.test(command)),
    [],
  );
  const ours = commands.filter((command) => /\b(?:queue-stat|ingest-ctl)\b/.test(command));
  assert.deepEqual(
    ours.filter((command) => !/sudo -u atomic-ingestor (?:queue-stat|ingest-ctl)\b/.test(command)),
    [],
    'the rights are those of the service',
  );
  const [, sick] = /^## Sick\n([\s\S]*?)^## /m.exec(RUNBOOK)!;
  const withCommands = sick!.split(/^### /m).filter((text) => text.includes('```sh'));
  assert.deepEqual(
    withCommands.map((text) => text.split('\n')[0]),
    SICK.map(({ heading }) => heading),
  );
});

test('sudoers permits the commands of the monitoring section, word by word, and no other', (t) => {
  const [, text] = /^### One command for Nagios.*\n([\s\S]*?)^### /m.exec(RUNBOOK)!;
  const [line, ...more] = text!.split('\n').filter((one) => one.startsWith('nagios '));
  assert.deepEqual(more, []);
  const [, permitted] = /^nagios ALL=\(atomic-ingestor\) NOPASSWD: (.*)$/.exec(line!)!;
  const shell = [...text!.matchAll(/sudo (?:-n )?-u atomic-ingestor (?:\/usr\/bin\/)?(queue-stat.*)$/gm)];
  const icinga = [...text!.matchAll(/^ {2}command = (\[.*\])$/gm)].map(([, words]) =>
    (JSON.parse(words!) as string[]).join(' ').replace('/usr/bin/sudo -n -u atomic-ingestor /usr/bin/', ''),
  );
  const asked = new Set([...shell.map(([, words]) => words!), ...icinga]);
  assert.deepEqual(permitted!.split(', ').sort(), [...asked].map((words) => `/usr/bin/${words}`).sort());
  assert.doesNotMatch(permitted!, /[*?[\]]/, 'a wildcard permits every option');
  const { error, status, stderr } = spawnSync('visudo', ['-c', '-f', '-'], { input: `${line}\n`, encoding: 'utf8' });
  if (error) t.diagnostic('no visudo here: it was not asked whether the line of sudoers is right');
  else assert.equal(status, 0, stderr);
});

test('who has a file open for writing is ended, and no reader of it', async (t) => {
  const world = createWorld(t);
  const { commands } = section('A writer never closes its file');
  const slow = join(world.feed().input, 'slow.csv');
  const open = (how: string) => {
    const child = spawn('sh', ['-c', `exec 3${how}"$0"; echo open; exec cat`, slow], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const writer = open('>>');
  await once(writer.stdout, 'data');
  const reader = open('<');
  await once(reader.stdout, 'data');
  const ended = once(writer, 'exit');
  mend(world, undefined, commands);
  assert.deepEqual(await ended, [null, 'SIGTERM']);
  reader.stdin.end();
  assert.deepEqual(await once(reader, 'exit'), [0, null]);
});

describe('the runbook mends', { concurrency: 2 }, () => {
  for (const sick of SICK) test(sick.heading, (t) => isMended(t, sick));
});
