/**
 * The reader of the log stands still: work goes on and signals work. Lines beyond the backlog are lost and counted. A reader that
 * goes on gets the backlog at once.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tmpfsMount } from '../../world/mounts.js';
import { descendantsOf, PACKAGE, signal } from '../../world/program.js';
import { rowsOf } from '../../world/state-by-hand.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot, type User } from '../../world/users.js';
import { DEADLINE_MS, stays, until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const FILES = 60;
/** An equal signal that comes sooner is the same wish (src/service/supervise/signals.ts). */
const LATER_MS = 500;
/** A line with this name has a kilobyte, and --trace writes a dozen lines a file: more than a pipe and the backlog hold. */
const NAME = 'x'.repeat(200);

/** A pipe whose two ends the test holds. Nobody reads it. */
class Pipe {
  readonly path: string;
  readonly #reads: number;
  readonly writes: number;

  constructor(t: TestContext, world: World) {
    this.path = join(world.root, 'pipe');
    execFileSync('mkfifo', ['-m', '600', this.path]);
    this.#reads = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writes = openSync(this.path, constants.O_WRONLY);
    t.after(() => closeSync(this.#reads));
  }

  /** Fills the pipe, as another writer would. */
  fill(): void {
    const own = openSync(`/proc/self/fd/${this.writes}`, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(own, Buffer.alloc(4_096, '\n'));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    } finally {
      closeSync(own);
    }
  }

  /** Returns the text that is in the pipe now. */
  read(): string {
    const bytes = Buffer.alloc(1 << 20);
    let text = '';
    try {
      for (let n = 1; n > 0; text += bytes.toString('utf8', 0, n)) n = readSync(this.#reads, bytes);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
    return text;
  }
}

function started(t: TestContext, world: World, stderr: number | 'pipe', user?: User): ChildProcess {
  const child = spawn(join(PACKAGE, 'bin/ingest'), [...world.flags('ingest'), '--log-level', 'trace', '--trace'], {
    stdio: ['ignore', 'ignore', stderr],
    cwd: '/',
    env: { ...process.env, HOME: world.root },
    ...user,
  });
  t.after(() => {
    for (const pid of [child.pid!, ...descendantsOf(child.pid!)]) if (child.exitCode === null) signal(pid, 'SIGKILL');
  });
  return child;
}

const ended = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.on('exit', resolve));

async function drains(world: World, child: ChildProcess, pipe?: Pipe): Promise<void> {
  for (let n = 0; n < FILES; n++) world.drop(`${n} ${NAME}.csv`, 100 + n);
  // Nobody reads its log, so the cause of a failure is still in the pipe.
  await world.allDroppedDone().catch((error: Error) => {
    const said = pipe?.read().trim().slice(-4_000);
    throw new Error(`${error.message}\ningest: ${child.exitCode ?? 'runs'}, and said: ${said}`, { cause: error });
  });
  child.kill('SIGTERM');
  assert.equal(await ended(child), 0);
  assert.equal(world.warehouse().length, FILES);
}

test('a full pipe that nobody reads: files go on, and SIGTERM ends it', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const pipe = new Pipe(t, world);
  pipe.fill();
  await drains(world, started(t, world, pipe.writes), pipe);
});

test('the same with a socket, as a service manager gives one', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const child = started(t, world, 'pipe'); // Node makes a socket pair of it; nobody reads our end
  await drains(world, child);
});

test("the same with another user's pipe, which cannot be opened again", async (t) => {
  if (skipUnlessRoot(t, 'the pipe of another user was not tried.')) return;
  if (skipUnlessReachable(t, ordinaryUser, 'the pipe of another user was not tried.')) return;
  const world = createWorld(t, { options: AT_ONCE, user: ordinaryUser });
  const pipe = new Pipe(t, world);
  pipe.fill();
  await drains(world, started(t, world, pipe.writes, ordinaryUser), pipe);
});

test('a second SIGTERM works while a drain cannot end and nobody reads', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const pipe = new Pipe(t, world);
  const child = started(t, world, pipe.writes);
  world.drop('a.csv', 100);
  await world.allDroppedDone();
  pipe.fill();
  const [stopped] = descendantsOf(child.pid!).slice(-1);
  process.kill(stopped!, 'SIGSTOP');
  child.kill('SIGTERM');
  await until('one of two has drained', () => descendantsOf(child.pid!).length === 1);
  await stays('the other one does not', () => child.exitCode === null, LATER_MS);
  child.kill('SIGTERM');
  assert.equal(await ended(child), 143);
});

test('lost lines are counted: in one line when the reader is back, and in the state', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const pipe = new Pipe(t, world);
  const child = started(t, world, pipe.writes);
  const lost = () =>
    world.database() === undefined
      ? []
      : (rowsOf(world, "SELECT files FROM counters WHERE stage = 'log' AND name = 'lost'") as { files: number }[]);
  for (let n = 0; lost().length === 0; n++) {
    assert.ok(n < 100, 'nothing was lost');
    for (let i = 0; i < 400; i++) world.drop(`${n} ${i} ${NAME}.csv`, 10);
    await world.allDroppedDone();
  }
  let text = '';
  const said = () =>
    text.split('\n').flatMap((line) => (line.includes('log_lines_lost') ? [JSON.parse(line).lines as number] : []));
  await until('it is said', () => {
    text += pipe.read();
    return said().length > 0 && said().reduce((sum, lines) => sum + lines, 0) >= lost()[0]!.files;
  });
  for (const line of text.split('\n').slice(0, -1)) JSON.parse(line);
  child.kill('SIGTERM');
  assert.equal(await ended(child), 0);
});

/** Its stderr is a pipe that it reads itself. No timer runs meanwhile. Prints how many bytes came with each line. */
const WRITES_AND_READS = `
  import { openSync, readSync } from 'node:fs';
  import { stderr } from '../../../src/base/telemetry/line-writer.js';
  const fd = openSync(process.env.PIPE, 'r');
  const pipe = Buffer.alloc(1 << 20);
  stderr.put(Buffer.alloc(1 << 20, 'line\\n'));
  const came = [];
  for (let n = 0; n < 5; n++) {
    readSync(fd, pipe);
    stderr.put(Buffer.from('line\\n'));
    came.push(readSync(fd, pipe));
    stderr.put(Buffer.from('line\\n'));
  }
  console.log(JSON.stringify(came));
  process.kill(process.pid, 'SIGKILL');
`;

test('a reader that was slow for a moment gets the backlog with the next lines, and waits for no timer', (t) => {
  const pipe = new Pipe(t, createWorld(t, {}));
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', WRITES_AND_READS], {
    stdio: ['ignore', 'pipe', pipe.writes],
    env: { ...process.env, PIPE: pipe.path },
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: DEADLINE_MS,
  });
  assert.notEqual(stdout, '', 'nothing came');
  for (const bytes of JSON.parse(stdout) as number[]) assert.ok(bytes >= 4_096, `${bytes} bytes came with a line`);
});

test('a log file on a full disk: lost lines are counted, and the first one afterwards is whole', async (t) => {
  if (skipUnlessRoot(t, 'a log file on a full disk was not tried.')) return;
  const world = createWorld(t);
  const [source, dest, place] = ['source', 'dest', 'logs'].map((name) => join(world.root, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [source, dest, place]) mkdirSync(folder);
  tmpfsMount(place, { size: '64k' });
  const [log, filler] = [join(place, 'log'), join(place, 'filler')];
  const stderr = openSync(log, 'a');
  writeFileSync(filler, Buffer.alloc(48 * 1_024));
  // Each pipe costs a line.
  execFileSync(
    'mkfifo',
    [...Array(300).keys()].map((n) => join(source, `${n} ${NAME}`)),
  );
  writeFileSync(join(source, 'before'), '');
  const child = spawn(join(PACKAGE, 'bin/ingest-replicate'), [source, dest], { stdio: ['ignore', 'ignore', stderr] });
  closeSync(stderr);
  t.after(() => signal(child.pid!, 'SIGKILL'));
  await until('the disk to be full', () => statfsSync(place).bavail === 0);
  await until('a file to be copied nevertheless', () => existsSync(join(dest, 'before')));
  rmSync(filler);
  execFileSync('mkfifo', [join(source, 'last')]);
  const says = (...words: string[]) => words.every((word) => readFileSync(log, 'utf8').includes(word));
  await until('the lost lines to be said, and the next event', () => says('log_lines_lost', '"path":"last"'));
  child.kill('SIGTERM');
  assert.equal(await ended(child), 0);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const whole = lines.filter((line) => line.endsWith('}'));
  const events = whole.map((line) => JSON.parse(line) as { event: string; lines?: number });
  assert.ok(lines.length - whole.length <= 1, 'one line was cut, and has a line of its own');
  assert.ok(events.find(({ event }) => event === 'log_lines_lost')!.lines! > 0);
});
