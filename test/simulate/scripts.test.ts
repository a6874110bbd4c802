/**
 * The scripts without an ingestor: the files that they report as delivered exist.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { sha256Of } from '../world/tree.js';
import { isRoot, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { skipUnlessInstalled } from './installed.js';

const SCRIPTS = readdirSync(join(PACKAGE, 'ops/simulate')).filter((name) => !name.includes('.'));
const script = (name: string) => join(PACKAGE, 'ops/simulate', name);

function deliveredWhole(world: World, count: number): void {
  assert.equal(world.dropped.length, count);
  for (const { name, sha256 } of world.dropped) assert.equal(sha256Of(join(world.input, name)), sha256, name);
}

const QUICKLY = ['--bytes', '5000', '--pause-seconds', '0.02'];
const plain: [string, string[], number][] = [
  ['slow-copy', QUICKLY, 1],
  ['slow-copy', [...QUICKLY, '--between', 'closed', '--chunks', '7'], 1],
  ['rename-when-done', QUICKLY, 1],
  ['duplicate-resend', QUICKLY, 2],
  ['duplicate-resend', ['--pause-seconds', '0'], 2],
  ['late-sidecar', QUICKLY, 1],
  ['late-sidecar', [...QUICKLY, '--order', 'sidecar-first', '--checksum', 'wrong'], 1],
  ['log-rotation', ['--pause-seconds', '0.02'], 3],
  ['log-rotation', ['--pause-seconds', '0.02', '--how', 'copytruncate'], 3],
  ['log-rotation', ['--pause-seconds', '0.02', '--how', 'old-writer', '--rotations', '3'], 4],
];

for (const [name, args, count] of plain) {
  test(`${name} ${args.join(' ')} delivers what it reports`, async (t) => {
    const world = createWorld(t);
    await world.simulate(name, args);
    deliveredWhole(world, count);
  });
}

for (const how of ['default', 'inplace', 'partial-dir', 'delay-updates']) {
  test(`rsync-like --how ${how} delivers what it reports`, async (t) => {
    if (skipUnlessInstalled(t, 'rsync', 'uploads by rsync')) return;
    const world = createWorld(t);
    await world.simulate('rsync-like', ['--how', how, '--times', '2', '--bytes', '5000']);
    deliveredWhole(world, 2);
    assert.deepEqual(readdirSync(world.input).sort(), ['rsync-1.csv', 'rsync-2.csv']);
  });
}

test('rsync-like --how cut leaves half a file whose mtime has no whole seconds', async (t) => {
  if (skipUnlessInstalled(t, 'rsync', 'an upload by rsync that is cut')) return;
  const world = createWorld(t);
  await world.simulate('rsync-like', ['--how', 'cut', '--bytes', '1000000']);
  const [half] = world.survey().input;
  assert(half && half.size > 0 && half.size < 1_000_000, `${half?.size} bytes`);
  assert.equal(half.mtimeNs / 1_000_000_000n, 0n);
});

for (const how of ['legacy', 'sftp']) {
  test(`two scp-like --how ${how} at once deliver what they report, and leave neither their sshd nor their keys`, async (t) => {
    if (skipUnlessInstalled(t, 'sshd', 'uploads by scp')) return;
    const world = createWorld(t);
    const temporary = join(world.root, 'tmp');
    mkdirSync(temporary);
    const upload = (name: string) =>
      world.simulate('scp-like', ['--how', how, '--name', name, '--times', '2', '--bytes', '5000'], {
        env: { TMPDIR: temporary },
      });
    await Promise.all([upload('one.csv'), upload('other.csv')]);
    deliveredWhole(world, 4);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(commandLinesWith(temporary), []);
  });
}

test('cross-filesystem shows a second filesystem and a bind mount, and takes both away when it is ended', async (t) => {
  if (skipUnlessRoot(t, 'mounts that everybody sees')) return;
  const world = createWorld(t);
  const running = world.launch(script('cross-filesystem'), [world.root], { stdin: 'pipe' });
  await until('cross-filesystem says ready', () => running.stdout.endsWith('ready\n'));
  const mounted = () =>
    readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(world.root));
  assert.equal(mounted().length, 2);
  running.kill('SIGTERM');
  await running.ended;
  assert.deepEqual(mounted(), []);
  assert.deepEqual(
    readdirSync(world.root).filter((name) => /first|second|bind/.test(name)),
    [],
  );
});

test('cross-filesystem --private runs a command that alone sees the mounts', async (t) => {
  const world = createWorld(t);
  // A rename from the first directory into its own bind mount is EXDEV: mv copies, ln fails.
  const command =
    'touch "$FIRST/a" && ! ln "$FIRST/a" "$BIND/b" 2>/dev/null && rm "$FIRST/a" && stat -f -c %T "$SECOND"';
  const ended = await world.launch(script('cross-filesystem'), [
    world.root,
    '--private',
    'yes',
    '--',
    'sh',
    '-c',
    command,
  ]).ended;
  if (!isRoot && /unshare/.test(ended.stderr)) return t.skip('no unprivileged user namespaces: mounts without root');
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /tmpfs/);
});

test('every script has a help and refuses what it does not know with a sentence and exit code 2', async (t) => {
  const world = createWorld(t);
  assert.equal(SCRIPTS.length, 8);
  for (const name of SCRIPTS) {
    const help = await world.launch(script(name), ['--help']).ended;
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`^${name} (INPUT|DIR) `), name);
    for (const bad of [[world.input, '--no-such', '1'], [join(world.root, 'missing')], []]) {
      const refused = await world.launch(script(name), bad).ended;
      assert.equal(refused.code, 2, `${name} ${bad.join(' ')}`);
      assert.match(refused.stderr, new RegExp(`^${name}: .+`));
    }
  }
});

function commandLinesWith(text: string): string[] {
  const lines = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // it ended
      }
    });
  return lines.filter((line) => line.includes(text));
}
