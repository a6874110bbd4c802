/** The log is JSON, a document a line, whatever a process, a thread or Node itself has to say. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dashboardAlone, freePort, Served } from '../service/dashboard/served.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

function isJson(line: string): boolean {
  try {
    return typeof JSON.parse(line).event === 'string';
  } catch {
    return false;
  }
}

/** The lines of all programs of the world. */
const linesOf = (world: World): string[] => world.programs.flatMap(({ lines }) => lines);
const notJson = (world: World): string[] => linesOf(world).filter((line) => !isJson(line));

/** Every process and thread of Node loads it first. */
function preloaded(world: World, source: string): NodeJS.ProcessEnv {
  const path = join(world.root, 'preloaded.cjs');
  writeFileSync(path, `const { isMainThread } = require('node:worker_threads');\n${source}`);
  return { NODE_OPTIONS: `--require ${path}` };
}

const THROW = `setImmediate(() => { throw new Error('a bug of the test') })`;
const IN_PARENT = `
  const children = require('node:child_process');
  const { spawn } = children;
  if (isMainThread && process.argv[1].endsWith('launch.cjs'))
    children.spawn = (...args) => { if (args[0] === process.execPath) ${THROW}; return spawn(...args); };`;
const inChild = (role: string) =>
  `if (isMainThread && process.argv[2] === '${role}') process.once('message', () => ${THROW});`;

test('what the page asks for of a file leaves only JSON in the log', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  world.drop('waits.csv', 100);
  const served = await dashboardAlone(world);
  const { id } = world.jobs()[0]!;
  for (const word of [join(world.input, 'waits.csv'), 'a.csv', id])
    assert.equal((await served.ask(`/files?path=${encodeURIComponent(word)}`)).status, 200);
  await world.stop();
  assert.deepEqual(notJson(world), []);
  // Node warned of each descriptor that openat2 had opened.
  assert.deepEqual(world.log.named('thread_printed'), []);
});

test('a warning of Node is an event of the process that it is about, and so is what a thread prints', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  const env = preloaded(world, "isMainThread ? process.emitWarning('of the test') : console.error('of the test');");
  const port = await freePort();
  world.start('ingest', ['--dashboard', String(port)], { env });
  await world.stored(1);
  await new Served(port).ask('/files?path=a.csv');
  const roles = () => new Set(world.log.named('node_warning').map(({ role }) => role));
  await until('each process has warned', () => roles().size === 4, { soFar: () => [...roles()].join() });
  await world.event('thread_printed', ({ text }) => text === 'of the test');
  await world.stop();
  assert.deepEqual(notJson(world), []);
});

for (const [where, source] of [
  ['a worker', inChild('worker')],
  ['a producer', inChild('producer')],
  ['the parent', IN_PARENT],
] as const) {
  test(`an error that nobody caught in ${where} is an event with its stack, and ends it with 1`, async (t) => {
    const world = createWorld(t);
    const { code } = await world.run('ingest', [], { env: preloaded(world, source) });
    assert.equal(code, 1);
    assert.deepEqual(notJson(world), []);
    const [bug] = world.log.named('fatal').filter(({ reason }) => reason === 'a bug of the test');
    assert.match(String(bug?.stack), /^Error: a bug of the test\n\s+at /);
  });
}

test('the sentence with which a service ends, and the files that it leaves, are events', async (t) => {
  const world = createWorld(t);
  world.drop('large.csv', 200);
  world.held.add('large.csv');
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  await world.event('note', ({ text }) => /^ingest: 1 file held .*large\.csv$/.test(String(text)));
  const worker = await world.launch('ingest-worker', [`--state-path=${world.root}`]).ended;
  assert.equal(worker.code, 2);
  // A command that is refused before its log begins prints its sentence.
  assert.match(worker.stderr, /^ingest-worker: --state-path must be the path of a file/);
  assert.deepEqual(
    notJson(world).filter((line) => !line.startsWith('ingest-worker: ')),
    [],
  );
});
