/**
 * Racing writers: files that are written on after they were renamed into place, through write and through a mapping, and
 * two writers that open, append and close as fast as they can while their files are sealed under them.
 * The naive order, which hashes and then renames, is run against the same writers and is seen to store wrong bytes.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { POLLED } from '../world/home.js';
import { Program } from '../world/program.js';
import { attachTracer, type Call, canTrace } from '../world/tracer.js';
import { sha256Of } from '../world/tree.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { compileWriters, fnv } from '../world/writers.js';

const FILES = 400;
/** In the loops: files that are stored before the trace begins, and after it. */
const FULL_SPEED = 100;
const TRACED_FILES = 200;
const SEED = process.env.SEED ?? String(Date.now() % 1_000_000);
/** Nothing but the probes stands between a writer and the seal. */
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
/** Scans that are rare would meet the loops too seldom. */
const OFTEN = POLLED && { scanIntervalSeconds: 0.2 };

function prepared(t: TestContext, world: World): string | undefined {
  t.diagnostic(`SEED=${SEED}`);
  const program = compileWriters(world.root);
  if (program === undefined) t.skip('no gcc: racing writers were not tested');
  return program;
}

/** Runs a writer in `directory` to its end; answers its lines. */
const writer = (program: string, directory: string, args: readonly string[]): Program =>
  new Program(program, [...args, SEED], undefined, { cwd: directory });

async function wrote({ ended }: Program): Promise<string[][]> {
  const { code, stdout, stderr } = await ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const lines = stdout.trim().split('\n');
  return lines.map((line) => line.split(' '));
}

const ready = (world: World): Promise<unknown> =>
  until('the producer and the worker are ready', () => world.log.named('worker_started').length === 2);

const allDone = (world: World): Promise<unknown> =>
  until(
    'everything stored',
    () => world.survey().input.length === 0 && world.jobs().every(({ state }) => state === 'done'),
    { everyMs: 100 },
  );

/** Compares each line with its file in the warehouse. */
function assertLinesHold(world: World): void {
  const { lines, warehouse } = world.survey();
  const told = new Map(lines.map(({ target, record }) => [target, record?.sha256]));
  assert.equal(told.size, lines.length);
  assert.deepEqual(new Map(warehouse.map(({ path, sha256 }) => [path, sha256])), told);
}

/** Both kinds at once. Returns, for each file, the final content of its writer. */
async function writeLate(program: string, directory: string): Promise<Map<string, number>> {
  const kinds = ['write', 'map'].map((how) => wrote(writer(program, directory, ['late', how, String(FILES / 2)])));
  const left = (await Promise.all(kinds)).flat();
  assert.equal(left.length, FILES);
  return new Map(left.map(([name, sum]) => [name!, Number(sum)]));
}

test(`${FILES} files that are written on after the rename into place, through write and through a mapping`, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const program = prepared(t, world);
  if (program === undefined) return;
  world.start('ingest');
  await ready(world);
  const left = await writeLate(program, world.input);
  await allDone(world);
  await world.stop();
  assertLinesHold(world);
  const { lines, warehouse, underprocess } = world.survey();
  assert.deepEqual(underprocess, []);
  assert.equal(lines.length, FILES);
  const wrong = warehouse.filter(({ path }) => fnv(stored(world, path)) !== left.get(path.split('/')[1]!));
  assert.deepEqual(wrong, [], 'each file is stored as its writer left it');
});

test('the naive order, hash and then rename, stores wrong bytes of them', async (t) => {
  const world = createWorld(t);
  const program = prepared(t, world);
  if (program === undefined) return;
  const warehouse = join(world.root, 'naive');
  mkdirSync(warehouse);
  const lines = new Map<string, string>();
  const look = () => {
    for (const name of readdirSync(world.input).filter((name) => name.endsWith('.csv'))) {
      lines.set(name, sha256Of(join(world.input, name)));
      renameSync(join(world.input, name), join(warehouse, name));
    }
  };
  const timer = setInterval(look, 1);
  await writeLate(program, world.input).finally(() => clearInterval(timer));
  look();
  assert.equal(lines.size, FILES);
  for (const how of ['write', 'map']) {
    const names = [...lines.keys()].filter((name) => name.startsWith(how));
    const wrong = names.filter((name) => sha256Of(join(warehouse, name)) !== lines.get(name)).length;
    t.diagnostic(`${how}: ${wrong} of ${names.length} differ from their lines`);
    assert(wrong > names.length / 10, `only ${wrong} of ${names.length} differ: these writers do not race`);
  }
});

const stored = (world: World, path: string): Buffer => readFileSync(join(world.feed().warehouse, path));

/** Each line that a writer wrote lies in exactly one stored file. */
function assertLinesAllThere(world: World, written: Map<string, number>): void {
  const seen = new Map([...written].map(([letter, count]) => [letter, new Uint8Array(count)]));
  for (const { path } of world.warehouse()) {
    const text = stored(world, path).toString('latin1');
    assert.equal(text.length % 16, 0);
    for (let at = 0; at < text.length; at += 16) seen.get(text[at]!)![Number(text.slice(at + 1, at + 15))]! += 1;
  }
  for (const [letter, counts] of seen) {
    const others = counts.reduce((sum, count) => sum + (count === 1 ? 0 : 1), 0);
    assert.equal(others, 0, `${others} of ${counts.length} lines of ${letter} are lost or stored twice`);
  }
}

const TRACED = 'fcntl,rename,renameat,renameat2,read,pread64,readv,preadv,openat2,statx,close,copy_file_range,ioctl';

/** Between a lease that was granted and its return, its thread calls nothing else. */
function leasesHeld(calls: readonly Call[]): string[] {
  const holding = new Map<string, Call>();
  return calls.flatMap((call) => {
    const taken = holding.get(call.thread);
    holding.delete(call.thread);
    if (/F_SETLEASE, F_RDLCK *\) += 0/.test(call.text)) holding.set(call.thread, call);
    // A call that was cut in two has blanks in it; of the last one the tracer may not have seen the end.
    if (taken === undefined || /F_SETLEASE, F_UNLCK *(\) += 0|<detached|<unfinished)/.test(call.text)) return [];
    return [`${taken.name}(${taken.text} … ${call.name}(${call.text}`];
  });
}

test('two writers in a tight loop against the seal: no open fails, no line is lost', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, ...OFTEN, metricsIntervalSeconds: 1 } });
  const program = prepared(t, world);
  if (program === undefined) return;
  world.start('ingest');
  await ready(world);
  const worker = world.log.named('worker_started').find(({ worker }) => String(worker).startsWith('worker'));
  const loops = ['a', 'b'].map((letter) => writer(program, world.input, ['loop', letter]));
  const stored = (count: number) =>
    until(`${count} files are stored`, () => world.log.named('file_ingested').length >= count);
  // The first files at full speed, the rest traced: a tracer slows the one side down.
  await stored(FULL_SPEED);
  const tracer = canTrace ? await attachTracer(world.root, Number(worker!.worker_pid), TRACED) : undefined;
  await stored(world.log.named('file_ingested').length + TRACED_FILES);
  for (const loop of loops) loop.kill('SIGTERM');
  const told = (await Promise.all(loops.map(wrote))).flat();
  const trace = await tracer?.detach();
  await allDone(world);
  await world.stop();
  assertLinesHold(world);
  for (const [letter, lines, failed, slowest] of told) {
    t.diagnostic(`${letter}: ${lines} lines, slowest open ${slowest} ms`);
    assert.equal(failed, '0', `${failed} opens of ${letter} failed`);
  }
  const files = world.warehouse().length;
  t.diagnostic(`${files} files stored`);
  assert(files >= FULL_SPEED + TRACED_FILES, `${files} files were stored: the loops did not meet the seal`);
  assertLinesAllThere(world, new Map(told.map(([letter, lines]) => [letter!, Number(lines)])));

  if (trace === undefined) {
    t.diagnostic('strace is not to be had here: that no lease is held across a rename or a read was not traced');
    return;
  }
  const count = (name: RegExp, text = /./) =>
    trace.filter((call) => name.test(call.name) && text.test(call.text)).length;
  const [leases, renames, reads] = [count(/fcntl/, /F_RDLCK\) += 0/), count(/renameat2/), count(/pread64/)];
  t.diagnostic(`traced: ${leases} leases, ${renames} renames, ${reads} reads`);
  assert(leases >= 50 && renames >= 50 && reads >= 50, 'the trace saw the seals');
  assert.deepEqual(leasesHeld(trace), []);
});
