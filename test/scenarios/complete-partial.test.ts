/** Complete files only: an mtime in the first second of 1970 is the sign of a cut `rsync --partial`, and of files whose source set no time. */
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../world/dropping.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { scenarios, silence, watched } from './watching.js';

/** `touch -d @0` and `touch -d @0.5`; rsync keeps the nanoseconds. */
const MTIMES = [0, 0.5];
const pathOf = (world: World, name: string): string => join(world.input, name);

/** With its mtime before anybody sees it, as rsync does. */
const dropSigned = (world: World, name: string, mtime: number, content: number | Buffer = 5_000) =>
  world.drop(name, content, { how: 'rename', mtime });

scenarios('complete files only: the sign of a cut upload', () => {
  for (const mtime of MTIMES) {
    watched(
      `a file with an mtime of ${mtime} is logged once, waits for its own window, and is stored`,
      { options: { stabilitySeconds: 0.2, partialUploadSeconds: 8 } },
      async (world) => {
        const fromMs = Date.now();
        const { sha256 } = dropSigned(world, 'signed.csv', mtime);
        const { msg } = await world.event('partial_upload');
        assert.match(String(msg), /signed\.csv waits .*mtime is 0.*--partial-upload-seconds/);
        await world.event('file_ingested', (e) => e.sha256 === sha256);
        const { time } = await world.event('file_ready');
        const tookMs = Date.parse(String(time)) - fromMs;
        assert(tookMs >= 8_000, `it was taken after ${tookMs} ms`);
        assert.equal(world.log.named('partial_upload').length, 1);
      },
    );
  }

  watched('a file that is touched is not kept by the sign', { options: { stabilitySeconds: 0.2 } }, async (world) => {
    dropSigned(world, 'signed.csv', 0);
    await world.event('partial_upload');
    const { stdout } = await world.run('ingest-ctl', ['explain', pathOf(world, 'signed.csv')]);
    assert.match(stdout, /mtime is 0, as rsync --partial.*--partial-upload-seconds/);
    utimesSync(pathOf(world, 'signed.csv'), 1_000_000_000, 1_000_000_000);
    await world.stored();
  });

  for (const order of ['before', 'after']) {
    watched(
      `a sidecar with the checksum, written ${order} the file, overrides the sign`,
      { options: { mode: 'sidecar', stabilitySeconds: 0.2 } },
      async (world) => {
        const content = world.content(5_000);
        const proof = `${sha256(content)}  signed.csv\n`;
        if (order === 'before') world.sidecar('signed.csv', proof);
        dropSigned(world, 'signed.csv', 0, content);
        if (order === 'after') world.sidecar('signed.csv', proof);
        await world.stored();
        assert.equal(world.log.named('partial_upload').length, 0);
      },
    );
  }

  watched(
    'a sidecar that only says done does not override it; one with another checksum gets the file held',
    { options: { mode: 'sidecar', stabilitySeconds: 0.2 } },
    async (world) => {
      const { sha256: held } = dropSigned(world, 'signed.csv', 0);
      world.sidecar('signed.csv', 'done\n');
      await world.event('partial_upload');
      world.sidecar('signed.csv', 'done again\n'); // so the file is checked again
      await silence(world, 'signed.csv', 1_000);
      assert.equal(world.log.named('partial_upload').length, 1);
      world.held.add(held);
      world.sidecar('signed.csv', `${sha256('something else')}\n`);
      assert.equal((await world.event('file_held')).code, 'checksum_mismatch');
    },
  );
});

test('an mtime that is set between the event and the check is a sign too: it is logged, explained, and --once leaves the file', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  await world.runOnce();
  const producer = world.start('ingest-producer');
  const { sha256: signed } = world.drop('signed.csv', 5_000, { how: 'rename' });
  await until('it was seen with its first mtime', () => world.jobs().length === 1);
  await producer.stop();
  utimesSync(pathOf(world, 'signed.csv'), 0, 0);
  const worker = world.start('ingest-worker');
  await world.event('partial_upload');
  const { stdout } = await world.run('ingest-ctl', ['explain', pathOf(world, 'signed.csv')]);
  assert.match(stdout, /mtime is 0, as rsync --partial.*--partial-upload-seconds/);
  await worker.stop();
  await world.runOnce([], { code: 4 });
  await world.runOnce(['--partial-upload-seconds', '0']);
  assert.equal(world.manifest()[0]?.record?.sha256, signed);
  world.check();
});

test('--once ends with 4 and names files with the sign, and takes them where --partial-upload-seconds is 0', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0.2 } });
  for (const mtime of MTIMES) dropSigned(world, `signed-${mtime}.csv`, mtime);
  world.drop('other.csv', 1_000);
  const startedMs = Date.now();
  await world.runOnce([], { code: 4 });
  assert(Date.now() - startedMs < 2_000_000, 'the window of an hour is not waited for');
  const { msg } = await world.event('note', ({ msg }) => String(msg).includes('with an mtime of 0'));
  const [, names] = /2 files with an mtime of 0, as a cut rsync --partial leaves them .*: (.*)/.exec(String(msg)) ?? [];
  // The one that is due first comes first.
  assert.deepEqual(names?.split(', ').sort(), MTIMES.map((mtime) => pathOf(world, `signed-${mtime}.csv`)).sort());
  assert.equal(world.manifest().length, 1);
  await world.runOnce(['--partial-upload-seconds', '0']);
  assert.equal(world.manifest().length, 3);
  world.check();
});
