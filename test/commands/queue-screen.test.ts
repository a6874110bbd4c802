/** queue-stat on a terminal: what is wrong is seen, whatever else there is to show. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { printedText, watchedText } from '../../src/commands/queue-screen.js';
import type { Finding } from '../../src/ingest/health/finding.js';
import type { Report } from '../../src/service/status/report.js';
import { PACKAGE } from '../world/program.js';
import { createWorld, type World } from '../world/world.js';
import { withHeldFile } from './cases.js';

const trouble = (n: number): Finding => ({
  ...{ code: 'ENOENT', severity: 'stuck', feed: 'default', stage: 'move', files: n, since: '2026-01-01T00:00:00.000Z' },
  sentence: `move of feed-${n} is closed, ENOENT at the warehouse: the warehouse /srv/ingest/feed-${n} is missing: mount it; ${n} files wait.`,
  release: 'repair it; it is checked again and again, and goes on by itself',
});

async function withTroubles(world: World, count: number): Promise<Report> {
  const report = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  return { ...report, findings: Array.from({ length: count }, (_, i) => trouble(i + 1)) };
}

test('seven findings are visible on 80x24 and 120x40, printed once and watched; the worst with what to do', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const report = await withTroubles(world, 7);
  for (const [columns, rows] of [
    [80, 24],
    [120, 40],
  ] as const) {
    const watched = watchedText(report, { columns, rows }).split('\n');
    const printed = printedText(report, { columns, rows }).split('\n');
    assert.ok(watched.length < rows, `${watched.length} lines on ${rows} rows`);
    for (const seen of [watched, printed.slice(1 - rows)]) {
      const text = seen.join('\n');
      for (let n = 1; n <= 7; n++) assert.match(text, new RegExp(`^stuck: move of feed-${n} `, 'm'));
      assert.match(text, /since 2026-01-01T00:00:00Z: repair it/);
      for (const line of seen) assert.ok(line.length <= columns, line);
    }
    assert.match(watched.join('\n'), /^stage +ready/m, 'the first table is seen too');
    assert.match(printed.join('\n'), /^verify-complete /m);
  }
});

test('more findings than rows are counted, and nothing is cut where there is room', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const many = watchedText(await withTroubles(world, 60), { columns: 80, rows: 24 }).split('\n');
  assert.ok(many.length < 24);
  assert.ok(many.some((line) => /^… and \d+ more: queue-stat \| less$/.test(line)));
  const few = watchedText(await withTroubles(world, 1), { columns: 200, rows: 100 });
  assert.doesNotMatch(few, /…/);
});

test('on a terminal the findings follow the tables; in a pipe they come first', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the output on a terminal was not tested');
    return;
  }
  const world = createWorld(t);
  await withHeldFile(world);
  const command = `stty cols 80 rows 24; '${join(PACKAGE, 'bin/queue-stat')}' --state-path '${world.statePath}'`;
  const { stdout } = await world.launch('/usr/bin/script', ['-qec', command, '/dev/null']).ended;
  const order = (text: string) => Math.sign(text.indexOf('stuck: 1 file is held') - text.indexOf('stage  '));
  assert.deepEqual([order(stdout), order((await world.run('queue-stat')).stdout)], [1, -1]);
});
