/**
 * The cost of a producer while nothing changes: its rescans open no file and write nothing, seen from outside on the real
 * command. (Its memory, with 150,000 names against 10,000: test/ingest/producer/memory.test.ts.)
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachTracer, canTrace } from '../world/tracer.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

const FILES = 1_000;
const SCANS = 3;
const OPENS = 'open,openat,openat2,creat';
const WRITES =
  'write,writev,pwrite64,pwritev,sendfile,copy_file_range,ftruncate,fallocate,fsync,fdatasync,syncfs,sync_file_range,' +
  'rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,utimensat,chmod,fchmod,fchmodat,chown,fchown,fchownat';
/** The files that a quiet producer writes: its heartbeat, its log, its own event loop. */
const BEATS = /\.owners>|^2<|^1<|<(?:anon_inode:|pipe:|socket:|\w+:\[)/;

test(`${SCANS} rescans of ${FILES} known files open none of them and write nothing`, {
  skip: canTrace ? false : 'strace is not to be had here: that rescans open and write nothing was not traced',
}, async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 3_600, poll: true, scanIntervalSeconds: 1 } });
  for (let n = 0; n < FILES; n++) world.drop(`${n % 2 ? 'sub/' : ''}known-${n}.csv`, 16);
  world.start('ingest-producer', ['--log-level', 'debug']);
  await until('all files are known', () => world.jobs().length === FILES, { everyMs: 200 });
  const scans = () => world.log.named('scan_done').length;
  await until('a scan after that', () => scans() >= 2);

  const child = world.log.named('worker_started')[0]!;
  const tracer = await attachTracer(
    world.root,
    Number(child.worker_pid),
    `?${`${OPENS},${WRITES},statx`.replaceAll(',', ',?')}`,
  );
  const from = scans();
  await until(`${SCANS} whole scans`, () => scans() > from + SCANS);
  const calls = await tracer.detach();
  await world.stop();

  const named = (list: string) => calls.filter(({ name }) => list.split(',').includes(name));
  const looks = named('statx').filter(({ text }) => /known-\d+\.csv/.test(text));
  t.diagnostic(`traced: ${looks.length} looks, ${calls.length - looks.length} other calls`);
  assert(looks.length >= SCANS * FILES, `the trace saw ${looks.length} looks`);
  const opened = named(OPENS).filter(({ text }) => text.includes('known-'));
  assert.deepEqual(opened, []);
  const written = named(WRITES).filter(({ text }) => !BEATS.test(text));
  assert.deepEqual(written, []);
});
