/** How far `ingest` is, from the figures of the state; and each command that shows it, on a terminal and in a pipe. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Progress } from '../../src/base/process/protocol.js';
import { summaryText, workOf } from '../../src/commands/run-children.js';
import { loseState } from '../world/lost.js';
import { PACKAGE } from '../world/program.js';
import { createWorld, type World } from '../world/world.js';

const NONE = { filesDone: 0, bytesDone: 0 };
const now = (more: Partial<Progress> = {}): Progress => ({
  ...{ kind: 'progress', ...NONE, filesLeft: 0, bytesLeft: 0, bytesRead: 0, held: 0, closed: [], waits: '' },
  ...more,
});

test('what was read of the files that are left counts as done', () => {
  const work = workOf(now({ filesDone: 5, bytesDone: 150, filesLeft: 2, bytesLeft: 1_000, bytesRead: 300 }), {
    filesDone: 4,
    bytesDone: 50,
  });
  assert.deepEqual([work.files, work.filesAll, work.bytes, work.bytesAll], [1, 3, 400, 1_100]);
});

test('a file that is waited for is named, unless one is being read', () => {
  const waiting = { path: 'a.csv', seconds: 2 };
  const more = (writer: 'open' | 'growing' | undefined) => workOf(now({ waiting: { ...waiting, writer } }), NONE).more;
  assert.deepEqual(more(undefined), ['complete in 2.0s if it stays quiet: a.csv']);
  assert.deepEqual(more('open'), ['still open for writing: a.csv']);
  assert.deepEqual(more('growing'), ['still growing: a.csv']);
  const largest = { path: 'b.csv', bytes: 1, of: 2 };
  assert.deepEqual(workOf(now({ waiting: { ...waiting, writer: 'open' }, largest }), NONE).more, []);
});

test('a closed stage and held files are named', () => {
  const closed = [{ stage: 'move', code: 'no_sspeed' }];
  assert.deepEqual(workOf(now({ filesLeft: 2, held: 1, closed }), NONE).more, ['1 held', 'move closed: no_sspeed']);
});

test('the summary of a stopped run says how many files are left, and why they wait', () => {
  const left = now({ filesDone: 5, filesLeft: 2, waits: '2 no sidecar' });
  assert.match(
    summaryText(left, { filesDone: 4, bytesDone: 0 }, true),
    /^1 file .*; 2 under way \(2 no sidecar\), the next start goes on\.$/,
  );
  assert.doesNotMatch(summaryText(left, NONE, false), /under way/);
});

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
/** So that several lines are drawn while it is read; it has no blocks. */
const LARGE_BYTES = 2 * 2 ** 30;

function makeLarge(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  truncateSync(path, LARGE_BYTES);
}

/** Undefined without script(1). */
async function onTerminal(t: TestContext, world: World, command: string, args: readonly string[]) {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the progress on a terminal was not tested');
    return undefined;
  }
  const words = [join(PACKAGE, 'bin', command), ...args].map((word) => `'${word}'`).join(' ');
  return world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${words}`, '/dev/null']).ended;
}

/** The per cents of one file, in the order in which they were drawn. */
const partsOf = (name: string, output: string): number[] =>
  [...output.matchAll(new RegExp(`; (\\d+)% of [^\\r\\n]*${name}`, 'g'))].map(([, part]) => Number(part));

/** A large file beside small ones: its bytes move while it is read, and no earlier line said more. */
function assertMoves(name: string, output: string): void {
  const parts = partsOf(name, output);
  assert.ok(
    parts.some((part) => part > 0 && part < 100),
    output,
  );
  const all = [...output.matchAll(/(\d+)%, [\d.]+ \w+ of 2(?:\.\d)? GiB, \d+ of 3 files/g)].map(([, part]) =>
    Number(part),
  );
  assert.ok(new Set(all).size > 1, output);
  assert.deepEqual(
    all,
    all.toSorted((a, b) => a - b),
  );
}

test('learn and a mirror show a large file that is being read, on a terminal; none of it is in stdout', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const folder = join(world.root, 'loaded');
  makeLarge(join(folder, 'deep/large.bin'));
  for (const name of ['a.csv', 'b.csv']) writeFileSync(join(folder, name), name);
  const state = ['--state-path', world.statePath];
  const learned = await onTerminal(t, world, 'ingest-ctl', ['learn', folder, '--feed', 'default', ...state]);
  if (!learned) return;
  assert.equal(learned.code, 0, learned.stdout);
  assertMoves('deep/large.bin', learned.stdout);

  const dest = join(world.root, 'dest');
  mkdirSync(dest);
  const mirrored = await onTerminal(t, world, 'ingest-replicate', [folder, dest, '--once']);
  assert.equal(mirrored?.code, 0, mirrored?.stdout);
  assert.ok(
    partsOf('deep/large.bin', mirrored!.stdout).some((part) => part > 0 && part < 100),
    mirrored!.stdout,
  );

  const piped = await world.run('ingest-ctl', ['learn', folder, '--feed', 'default']);
  assert.deepEqual([piped.code, piped.stderr], [0, '']);
  assert.match(piped.stdout, /^0 contents learned [^\n]*\n$/);
});

test('audit, backup and rebuild show how far they are on a terminal, and an audit as JSON nothing of it', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('a.csv', 100);
  await world.runOnce();
  const state = ['--state-path', world.statePath];
  const backup = join(world.root, 'backup.db');
  const backedUp = await onTerminal(t, world, 'ingest-ctl', ['backup', backup, ...state]);
  if (!backedUp) return;
  assert.equal(backedUp.code, 0, backedUp.stdout);
  assert.match(backedUp.stdout, /0%, 0 B of [\d.]+ KiB, 0 of 1 file; 0% of backup\.db/);
  assert.match(backedUp.stdout, /checking the copy: 100%, ([\d.]+ KiB) of \1, 1 file/);

  makeLarge(join(world.feed().warehouse, 'unknown.bin'));
  const audited = await onTerminal(t, world, 'ingest-ctl', ['audit', ...state]);
  assert.equal(audited?.code, 4, audited?.stdout);
  assert.ok(
    partsOf('unknown.bin', audited!.stdout).some((part) => part > 0 && part < 100),
    audited!.stdout,
  );
  rmSync(join(world.feed().warehouse, 'unknown.bin'));
  const json = await onTerminal(t, world, 'ingest-ctl', ['audit', '--hash', '--json', ...state]);
  assert.equal(json?.code, 0, json?.stdout);
  for (const line of json!.stdout.trimEnd().split('\r\n')) JSON.parse(line);

  loseState(world);
  const rebuilt = await onTerminal(t, world, 'ingest-ctl', ['rebuild', ...world.flags('ingest')]);
  assert.equal(rebuilt?.code, 0, rebuilt?.stdout);
  assert.match(rebuilt!.stdout, /noting the paths of manifests: 100%, [\d.]+ \w+ of [\d.]+ \w+, 1 file/);
});
