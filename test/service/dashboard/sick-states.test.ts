/**
 * A stranger's test: eight states in which files do not go on. Each is named with its cause on the first screen of the page, and by
 * `queue-stat` alone.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fill, KiB } from '../../scenarios/trouble.js';
import { bindMount, tmpfsMount, unmount } from '../../world/mounts.js';
import { skipUnlessRoot } from '../../world/users.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { browserFor, open } from './browser.js';
import { dashboardAlone } from './served.js';

/** As many lines as fit a terminal, as many pixels as fit a laptop. */
const SCREEN = { width: 1_280, height: 800 };
const TERMINAL_LINES = 40;
const canTrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;

/** Waits until `queue-stat` names it, within a terminal's height, then looks at the page's first screen. */
async function isNamed(t: TestContext, world: World, cause: RegExp): Promise<void> {
  let said = '';
  const named = async () => {
    said = (await world.run('queue-stat')).stdout;
    return cause.test(said.replace(/\s+/g, ' '));
  };
  await until(`queue-stat to say ${cause}`, named, { everyMs: 200, soFar: () => said });
  const lines = said.split('\n');
  assert.ok(lines.length <= TERMINAL_LINES, `${lines.length} lines`);
  // A path that is longer has a line of its own. So has a command: it is pasted in one piece.
  for (const line of lines)
    assert.ok(line.length <= 80 || /^ *(?:\S+|`[^`]+`\S*)$/.test(line), `over 80 columns: ${line}`);

  const browser = await browserFor(t, 'the same on the page (queue-stat named it)');
  if (!browser) return;
  const served = await dashboardAlone(world);
  const { page } = await open(t, browser, served.url, { viewport: SCREEN });
  const finding = page.locator('#findings li').filter({ hasText: cause }).first();
  await finding.waitFor();
  const box = await finding.boundingBox();
  assert.ok(box && box.y + box.height <= SCREEN.height, 'it is on the first screen, without scrolling');
}

describe('files and places', { concurrency: 2 }, () => {
  test('a paused stage', async (t) => {
    const world = createWorld(t);
    world.start('ingest');
    await world.event('worker_started');
    await world.run('ingest-ctl', ['pause', 'hash']);
    world.drop('a.csv', 100);
    await isNamed(t, world, /hash of every feed is paused \(by \w+\); 1 file waits/);
  });

  test('a poison file', async (t) => {
    const world = createWorld(t);
    world.start('ingest', ['--max-bytes', '1000']);
    world.drop('poison.csv', 2_000);
    world.drop('good.csv', 100);
    await isNamed(
      t,
      world,
      /1 file is held in verify-complete of default \(too_large\), poison\.csv: the\s+file has 2\.0 KiB \(2000 bytes\)/,
    );
  });

  test('a disk that is full', async (t) => {
    if (skipUnlessRoot(t, 'that a full disk is named')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    tmpfsMount(warehouse, { size: '8m' });
    fill(join(warehouse, 'ballast'), 7 * 1024);
    world.start('ingest');
    world.drop('big.csv', 3_000 * KiB);
    await isNamed(t, world, /move of default is closed, ENOSPC at the warehouse: .*no space.*; 1 file waits/);
  });

  test('a warehouse that is not mounted', async (t) => {
    if (skipUnlessRoot(t, 'that an unmounted warehouse is named')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    const source = join(world.root, 'source');
    mkdirSync(source);
    bindMount(source, warehouse);
    world.start('ingest');
    world.drop('before.csv', 100);
    await world.stored(1);
    await until('the warehouse to be free', () => unmounted(warehouse));
    world.drop('after.csv', 200);
    await isNamed(t, world, /of default (is|are) closed, no_marker at the warehouse: .*lost its marker/);
    bindMount(source, warehouse);
  });
});

describe('processes, writers and limits', { concurrency: 2 }, () => {
  test('a stage whose workers are gone', async (t) => {
    const world = createWorld(t);
    world.start('ingest-producer');
    await world.event('worker_started');
    for (const stage of ['verify-complete', 'manifest', 'move']) world.start('ingest-worker', ['--stage', stage]);
    const hash = world.start('ingest-worker', ['--stage', 'hash']);
    world.drop('a.csv', 100);
    await world.stored(1);
    hash.killAll();
    await hash.ended;
    world.drop('b.csv', 200);
    await isNamed(t, world, /No process does hash; 1 file waits there/);
  });

  test('a worker and its parent that are stopped together', async (t) => {
    const world = createWorld(t);
    world.start('ingest-producer');
    const worker = world.start('ingest-worker');
    world.drop('a.csv', 100);
    await world.stored(1);
    const pids = [worker.pid, ...worker.descendants()];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    world.drop('b.csv', 200);
    await isNamed(t, world, /The process "worker [^"]+" \(pid \d+\) is stopped, and so is its parent/);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  });

  test('a writer that never closes', async (t) => {
    const world = createWorld(t);
    world.start('ingest');
    const writer = world.writer('open.csv');
    writer.write('not yet all');
    await isNamed(t, world, /Somebody still has open\.csv open for writing; \d+ checks in a row found it open/);
    await writer.close();
  });

  const noWatch = async (t: TestContext, error: string, cause: RegExp): Promise<void> => {
    if (!canTrace) return t.skip(`strace is not to be had here; not tested: that ${error} of a watch is named`);
    const world = createWorld(t, { options: { poll: undefined, scanIntervalSeconds: undefined } });
    for (const name of ['a', 'b/c']) mkdirSync(join(world.input, name), { recursive: true });
    const inject = ['-e', 'trace=inotify_add_watch', '-e', `inject=inotify_add_watch:error=${error}:when=2+`];
    world.start('ingest', [], { wrap: ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', ...inject] });
    world.drop('a.csv', 100);
    await isNamed(t, world, cause);
  };
  test('the limit of inotify watches', (t) =>
    noWatch(t, 'ENOSPC', /The limit of inotify watches is reached.* raise fs\.inotify\.max_user_watches/));
  test('a watch that is refused', (t) =>
    noWatch(t, 'EACCES', /input\/\S* cannot be watched \(EACCES\).* see what refuses a watch/));
});

/** Nobody has anything open in it. */
function unmounted(place: string): boolean {
  try {
    return unmount(place, { busy: 'fails' });
  } catch {
    return false;
  }
}
