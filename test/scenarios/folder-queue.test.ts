/**
 * The way of a file through a folder queue: log files land in `unprocessed/`, are in `underprocess/` while processors that are named by tags
 * take them line by line, and end in `processed/` with their outputs. Everything is killed in the middle of a file, and started again.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import type { StatsAnswer, TraceAnswer } from '../../src/service/dashboard/answers.js';
import type { ErrorsAnswer } from '../../src/service/dashboard/held/errors.js';
import { freePort, Served } from '../service/dashboard/served.js';
import { changeChain } from '../world/chains.js';
import { sha256 } from '../world/dropping.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** A tag is the next processor's name, or else an output. A line `wait` waits for the file `go`; a line `bug` is one. */
const processors = (go: string): string => `
  import { existsSync } from 'node:fs';
  export default () => {
    let lines = 0;
    return {
      start(line, emit) {
        lines++;
        if (line === 'bug') throw new Error('no processor for this line');
        emit(line.startsWith('ERROR') ? 'error' : line.startsWith('WARN') ? 'warn' : 'trim', line);
      },
      error(line, emit) { emit('errors', line.toUpperCase()); },
      warn(line, emit) { emit('trim', line); emit('warnings', line); },
      async trim(line, emit) {
        while (line === 'wait' && !existsSync(${JSON.stringify(go)})) await new Promise((r) => setTimeout(r, 20));
        emit('general', line.trim());
      },
      end(emit) { emit('summary', lines + ' lines'); },
    };
  };`;

const LINES = ['ERROR disk', '  hello  ', 'WARN slow', 'bye'];
const MADE = {
  errors: 'ERROR DISK\n',
  general: 'hello\nWARN slow\nbye\n',
  warnings: 'WARN slow\n',
};

/** Adds lines that make it another content; each must be found in `general`. */
function dropLog(world: World, name: string, more: readonly string[]): void {
  const lines = [...LINES, ...more];
  const made = {
    ...MADE,
    general: `${MADE.general}${more.map((line) => `${line}\n`).join('')}`,
    summary: `${lines.length} lines\n`,
  };
  const digests = Object.fromEntries(Object.entries(made).map(([tag, text]) => [tag, sha256(text)]));
  world.made.set(world.drop(name, `${lines.join('\n')}\n`).sha256, digests);
}

function folderQueue(t: TestContext): { world: World; go: string } {
  const root = mkdtempSync(join(tmpdir(), 'folder-queue-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const watched = join(root, 'watch_dir');
  const world = createWorld(t, {
    feeds: {
      logs: {
        input: join(watched, 'unprocessed'),
        workDir: join(watched, 'underprocess'),
        warehouse: join(watched, 'processed'),
        manifests: join(watched, 'manifests'),
      },
    },
  });
  const module = join(world.root, 'processors.mjs');
  const go = join(world.root, 'go');
  writeFileSync(module, processors(go));
  changeChain(world, 'logs', { format: 'lines', start: 'start', steps: {}, module });
  return { world, go };
}

async function run(world: World): Promise<Served> {
  const port = await freePort();
  const since = world.log.all.length;
  world.start('ingest', ['--trace', '--dashboard', String(port)]);
  await world.event('dashboard', undefined, { since });
  return new Served(port);
}

const named = (path: string) => path.replace(/^.*\//, '');

test('unprocessed → underprocess → processed, by processors of tags, through a kill in the middle', async (t) => {
  const { world, go } = folderQueue(t);
  for (const n of [1, 2, 3]) dropLog(world, `${n}.log`, [`file ${n}`]);
  const first = await run(world);
  await world.stored(3);
  dropLog(world, 'slow.log', ['wait', 'after it']);
  const underWay = async () =>
    (await first.json<TraceAnswer>('/trace')).in_flight.find(({ stage }) => stage === 'process');
  const current = await until('the file that is processed now', underWay);
  assert.deepEqual([current.path, current.in_progress], ['slow.log', true]);
  const { unprocessed, underprocess, processed } = await until('the folders', async () => {
    const stats = await first.json<StatsAnswer>('/stats');
    return stats.processed.files === 3 && stats.underprocess.files === 1 ? stats : undefined;
  });
  assert.deepEqual([unprocessed.files, underprocess.files, processed.files], [0, 1, 3]);
  assert.deepEqual(
    world.underprocess().map(({ path }) => path.replace(/^.*~/, '')),
    ['slow.log'],
  );

  await world.killAll();
  world.check({ settled: false });
  dropLog(world, 'meanwhile.log', ['while all was down']);
  writeFileSync(go, '');
  const second = await run(world);
  await world.allDroppedDone();
  world.check();
  const names = world.warehouse().map(({ path }) => named(path));
  assert.deepEqual(names.filter((name) => name.startsWith('slow.')).sort(), [
    'slow.errors.log',
    'slow.general.log',
    'slow.log',
    'slow.summary.log',
    'slow.warnings.log',
  ]);
  assert.equal(world.manifest().length, 5, 'each once');

  const { sha256: bug } = world.drop('bug.log', 'fine\nbug\n');
  world.held.add(bug);
  const errors = await until('the error', async () => {
    const answer = await second.json<ErrorsAnswer>('/errors');
    return answer.held.length > 0 ? answer : undefined;
  });
  assert.deepEqual([errors.held[0]!.path, errors.held[0]!.code], ['bug.log', 'process_failed']);
  assert.match(errors.held[0]!.reason, /^bug\.log, line 2: .*no processor for this line/);
  const { last } = await second.json<TraceAnswer>('/trace');
  assert.equal(last.length, 5);
  const { rows, outputs } = last.find(({ path }) => path === 'slow.log')!.processed!;
  assert.deepEqual([rows, outputs], [6, 4]);
  const steps = world.log.named('stage_step').filter(({ path }) => named(String(path)) === 'slow.log');
  assert.deepEqual([...new Set(steps.map(({ stage }) => stage))], stagesUsed([{ process: {} }]));
  await world.stop();
  world.check();
});
