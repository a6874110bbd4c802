/**
 * The cost of a thousand files in counted work: system calls by kind, syncs, write transactions, bytes written. Times differ
 * between machines; a change that makes the pipeline do things twice shows here on each of them.
 * Method: one traced `ingest` each with fewer and with more files. The difference excludes the start. The first stage is paused until
 * all files are queued: elsewhere a loaded machine would have small batches. Up to three such pairs: how often a process writes its
 * signs of life depends on the time, and work that is done twice shows in each pair.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { ctl } from '../world/jobs.js';
import { signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const [FEWER, MORE] = [1_000, 3_000];
const PAIRS = 3;

/** The limit for each 1,000 files; after each the value that was measured when it was set. Runs differ by the sizes of their batches. */
const BOUNDS = {
  statx: 10_500, // 9,039
  openat2: 2_400, // 2,058
  renameat2: 2_050, // 2,000
  leases: 8_200, // 8,000
  reads: 2_400, // 1,615
  writes: 6_800, // 5,106
  syncs: 60, // 21
  transactions: 20, // 4
  kibWritten: 10_500, // 7,320
} as const;
type Work = Record<keyof typeof BOUNDS, number>;

const TRACED = 'statx,openat2,renameat2,fcntl,read,pread64,write,pwrite64,fsync,fdatasync,syncfs';
const CALL = /^\d+ +(?:<\.\.\. )?(\w+)/;
// SQLite's lock for a write transaction, one byte of the -shm file; what was refused is asked for again.
const TAKEN = /F_WRLCK.*l_start=120, l_len=1.*= 0$/;
const WRITTEN = /= (\d+)$/;
// A thread is woken through an eventfd. How often, depends on the load of the machine.
const WAKE = /read\(\d+, .*, 1024\) += 8$/;

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

function traced(world: World, calls = TRACED, characters = 0): { trace: string; wrap: string[] } {
  const trace = join(world.root, 'trace');
  const options = `-f -qq -s ${characters} --seccomp-bpf -e signal=none -e trace=${calls} -o`.split(' ');
  return { trace, wrap: ['strace', ...options, trace] };
}

function workIn(trace: string): Work {
  const work = Object.fromEntries(Object.keys(BOUNDS).map((name) => [name, 0])) as Work;
  for (const line of trace.split('\n')) {
    if (line.endsWith('<unfinished ...>') && !line.includes('F_SETLEASE')) continue;
    const call = CALL.exec(line)?.[1];
    if (call === 'statx' || call === 'openat2' || call === 'renameat2') work[call]++;
    else if (call === 'fcntl') {
      if (line.includes('F_SETLEASE')) work.leases++;
      else if (TAKEN.test(line)) work.transactions++;
    } else if (call === 'read' || call === 'pread64') work.reads += Number(!WAKE.test(line));
    else if (call === 'write' || call === 'pwrite64') {
      work.writes++;
      work.kibWritten += Number(WRITTEN.exec(line)?.[1] ?? 0) / 1_024;
    } else if (call !== undefined) work.syncs++;
  }
  return work;
}

test('a thousand files cost no more calls, syncs, transactions and bytes than they should', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'what a thousand files cost')) return;
  let over: string[] = [];
  for (let pair = 1; pair <= PAIRS; pair++) {
    const [fewer, more] = [await workOf(FEWER), await workOf(MORE)];
    const found = Object.keys(BOUNDS).map((name) => {
      const key = name as keyof Work;
      return [key, Math.round(((more[key] - fewer[key]) / (MORE - FEWER)) * 1_000)] as const;
    });
    t.diagnostic(JSON.stringify(Object.fromEntries(found)));
    over = found.filter(([key, n]) => n > BOUNDS[key]).map(([key, n]) => `${n} ${key}, at most ${BOUNDS[key]}`);
    if (over.length === 0) break;
  }
  assert.deepEqual(over, [], 'for a thousand files');

  async function workOf(files: number): Promise<Work> {
    const world = createWorld(t, { options: AT_ONCE });
    await world.runOnce();
    await ctl(world, 'pause', 'verify-complete');
    for (let n = 0; n < files; n++) world.drop(`file-${n}.csv`, 1_024);
    const { trace, wrap } = traced(world);
    const program = world.start('ingest', [], { wrap });
    await until('all files are queued', () => world.jobs().length === files);
    await ctl(world, 'resume', 'verify-complete');
    await world.allDone();
    signal(program.descendants()[0]!, 'SIGTERM');
    await program.ended;
    world.check();
    return workIn(readFileSync(trace, 'latin1'));
  }
});

test('the first files of a day do not look for its folder one by one: the first move makes it', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'how often the folder of a new day is looked for')) return;
  const world = createWorld(t, { options: AT_ONCE });
  await world.runOnce();
  for (const stage of ['manifest', 'move']) await ctl(world, 'pause', stage);
  for (let n = 0; n < FEWER; n++) world.drop(`file-${n}.csv`, 1_024);
  const lieBefore = (stage: string) =>
    until(
      `all files are before ${stage}`,
      () => world.jobs().filter((job) => job.stage === stage && job.state === 'ready').length === FEWER,
    );
  const first = world.start('ingest');
  await lieBefore('manifest');
  await first.stop();
  await ctl(world, 'resume', 'manifest');
  const { trace, wrap } = traced(world, 'openat2', 40);
  const second = world.start('ingest', [], { wrap });
  await lieBefore('move');
  signal(second.descendants()[0]!, 'SIGTERM');
  await second.ended;
  const looks = readFileSync(trace, 'latin1').match(/"ingest_date=/g)?.length ?? 0;
  assert(looks > 0 && looks <= FEWER / 50, `${looks} looks for the folder of ${FEWER} files, in batches of hundreds`);
  await ctl(world, 'resume', 'move');
  await world.runOnce();
  world.check();
});
