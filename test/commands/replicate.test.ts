/** ingest-replicate as a command: its output and its exit codes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Program } from '../world/program.js';
import { isRoot, ordinaryUser } from '../world/users.js';
import { until } from '../world/waiting.js';

function folders(t: TestContext): { root: string; source: string; dest: string } {
  const root = mkdtempSync(join(tmpdir(), 'replicate-command-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [source, dest] = [join(root, 'source'), join(root, 'dest')];
  mkdirSync(source);
  mkdirSync(dest);
  return { root, source, dest };
}

const run = (...args: string[]) => new Program('ingest-replicate', args).ended;

test('--dry-run prints each action and changes nothing', async (t) => {
  const { source, dest } = folders(t);
  mkdirSync(join(source, 'd'));
  writeFileSync(join(source, 'd/new'), 'four');
  symlinkSync('d', join(source, 'l'));
  const { code, stdout } = await run(source, dest, '--dry-run');
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.pop()!.split(', ').sort().join(', '), 'copy 1 (4 B), link 1 (1 B), make 1');
  assert.deepEqual(lines.sort(), [
    'copy       d/new  (DEST does not have it)',
    'link       l  (a symlink)',
    'make       d  (a directory)',
  ]);
  assert.deepEqual(readdirSync(dest), []);
  await run(source, dest, '--once');
  writeFileSync(join(dest, 'stray'), 'x');
  rmSync(join(source, 'd/new'));
  const again = await run(source, dest, '--dry-run');
  assert.deepEqual(
    again.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ +\(.*/, ''))
      .sort(),
    ['attributes d', 'remove     d/new', 'remove     stray', 'remove 2, attributes 1'],
  );
  assert.equal(readFileSync(join(dest, 'stray'), 'utf8'), 'x');
  await run(source, dest, '--once');
  assert.match((await run(source, dest, '--dry-run')).stdout, /^nothing to do\n$/);
});

test('exit codes: 2 for wrong usage, 3 for an unusable environment, 4 for a file that cannot be mirrored and is named', async (t) => {
  const { root, source, dest } = folders(t);
  const missing = await run(source);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /SOURCE and DEST, but got only one/);
  assert.equal((await run(source, dest, 'third')).code, 2);
  assert.equal((await run(source, source)).code, 2);
  assert.equal((await run(join(root, 'nowhere'), dest)).code, 3);
  const inFile = join(root, 'config.yaml');
  for (const feed of ['a', 'default']) {
    writeFileSync(inFile, `feeds:\n  ${feed}:\n    input: /x\n`);
    const withFeeds = await run(source, dest, '--config', inFile, '--dry-run');
    assert.equal(withFeeds.code, 2, feed);
    assert.match(withFeeds.stderr, /must name a file without feeds/);
  }
  if (!isRoot) return;
  writeFileSync(join(source, 'secret'), 'x', { mode: 0o600 });
  writeFileSync(join(source, 'open'), 'x');
  for (const path of [root, dest]) await new Program('/bin/chmod', ['0777', path]).ended;
  const denied = await new Program('ingest-replicate', [source, dest, '--once'], undefined, { user: ordinaryUser })
    .ended;
  assert.equal(denied.code, 4, denied.stderr);
  assert.match(denied.stderr, /secret is not mirrored \(EACCES\)/);
  assert.equal(readFileSync(join(dest, 'open'), 'utf8'), 'x');
});

test('it logs its actions in JSON lines, and a signal ends it after the action in progress', async (t) => {
  const { source, dest } = folders(t);
  writeFileSync(join(source, 'a'), 'x');
  const mirror = new Program('ingest-replicate', [source, dest, '--metrics-interval-seconds', '0.1']);
  t.after(() => mirror.kill());
  await until('metrics', () => mirror.events.find((one) => one.event === 'replica_metrics' && one.copied === 1));
  await until('its first scan', () => mirror.events.find(({ event }) => event === 'replica_scan_done'));
  const { code, signal, stdout } = await mirror.stop();
  assert.deepEqual([code, signal], [0, null]);
  assert.match(stdout, /^1 copied \(1 B\), 0 directories made/);
});
