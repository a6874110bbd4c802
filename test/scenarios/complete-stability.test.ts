/** Complete files only, in stability mode: a file is taken when it has been quiet for a window and nobody is writing it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, renameSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mapNewFile } from '../linux/mapping.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { droppedAs, scenarios, silence, step, watched } from './watching.js';

const WINDOW_MS = 400;
/** Longer than a busy machine holds up this process between two of its writes. */
const LONG_MS = 8_000;
const options = { stabilitySeconds: WINDOW_MS / 1_000 };

/** Half of the content. */
const halves = (content: Buffer): [Buffer, Buffer] => [
  content.subarray(0, content.length / 2),
  content.subarray(content.length / 2),
];

scenarios('complete files only: open and mapped files', () => {
  watched('a writer that is silent for five windows with its file open is waited for', { options }, async (world) => {
    await world.complete('slow.csv', async (whole) => {
      const writer = world.writer('slow.csv');
      const [first, second] = halves(world.content(100_000));
      writer.write(first);
      await step(world, 'slow.csv', (e) => e.why === 'writer_open');
      await silence(world, 'slow.csv', 5 * WINDOW_MS);
      writer.write(second);
      whole();
      return writer.close();
    });
  });

  watched('a file that is closed but mapped for writing is waited for', { options }, async (world) => {
    const content = world.content(64 * 1024);
    await world.complete('mapped.csv', async (whole) => {
      const mapping = mapNewFile(join(world.input, 'mapped.csv'), content.length);
      const [first, second] = halves(content);
      mapping.store(0, first);
      await step(world, 'mapped.csv', (e) => e.why === 'writer_open');
      await silence(world, 'mapped.csv', 5 * WINDOW_MS);
      mapping.store(first.length, second);
      whole();
      mapping.unmap();
      return droppedAs('mapped.csv', content);
    });
  });
});

scenarios('complete files only: writers that close, old times', () => {
  watched(
    'a writer that closes between its chunks is waited for a whole window',
    { options: { stabilitySeconds: LONG_MS / 1_000 } },
    async (world) => {
      let lastMs = 0;
      await world.complete('chunks.csv', async (whole) => {
        const content = world.content(50_000);
        for (let at = 0; at < content.length; at += 10_000) {
          if (at > 0) await silence(world, 'chunks.csv', 700);
          lastMs = performance.now();
          appendFileSync(join(world.input, 'chunks.csv'), content.subarray(at, at + 10_000));
        }
        whole();
        return droppedAs('chunks.csv', content);
      });
      assert(performance.now() - lastMs >= LONG_MS, 'stored before a window had passed since the last chunk');
    },
  );

  watched(
    'cp -p with an mtime of years ago is waited for as any other',
    { options: { stabilitySeconds: LONG_MS / 1_000 } },
    async (world) => {
      let lastMs = 0;
      await world.complete('old.csv', async (whole) => {
        const content = world.content(20_000);
        const [first, second] = halves(content);
        const [source, target] = [join(world.root, 'source'), join(world.input, 'old.csv')];
        // `cp -p` was interrupted here and runs again: an old mtime on half of the bytes.
        writeFileSync(source, first);
        utimesSync(source, 1_000_000_000, 1_000_000_000);
        execFileSync('cp', ['-p', source, target]);
        await silence(world, 'old.csv', 1_000);
        appendFileSync(source, second);
        utimesSync(source, 1_000_000_000, 1_000_000_000);
        lastMs = performance.now();
        execFileSync('cp', ['-p', source, target]);
        whole();
        return droppedAs('old.csv', content);
      });
      assert(performance.now() - lastMs >= LONG_MS, 'stored before a window had passed since cp -p');
      assert.equal(world.manifest()[0]!.record!.mtime, 1_000_000_000);
    },
  );
});

test('a shorter window reaches files that wait, also through a worker that goes on', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: undefined } });
  const producer = world.start('ingest-producer', ['--stability-seconds', '1d']);
  world.start('ingest-worker');
  const waits = world.drop('waits.csv', 1_000);
  await until('it has a job', () => world.jobs().length === 1);
  await producer.stop();
  world.start('ingest-producer', ['--stability-seconds', '0.3']);
  await world.isStored(waits);
});

scenarios('complete files only: renames, and no window at all', () => {
  watched('a file is taken under its final name alone, .tmp before it is none', { options }, async (world) => {
    const [first, second] = halves(world.content(80_000));
    await world.complete('renamed.csv', async (whole) => {
      const path = join(world.input, 'renamed.csv');
      writeFileSync(`${path}.tmp`, first);
      await silence(world, 'renamed.csv', 3 * WINDOW_MS);
      appendFileSync(`${path}.tmp`, second);
      whole();
      renameSync(`${path}.tmp`, path);
      return droppedAs('renamed.csv', Buffer.concat([first, second]));
    });
    assert.deepEqual(
      world.manifest().map(({ record }) => record!.path),
      [join(world.input, 'renamed.csv')],
    );
  });

  watched('a renamed file that its writer still holds open is waited for', { options }, async (world) => {
    const content = world.content(30_000);
    await world.complete('early.csv', async (whole) => {
      const path = join(world.input, 'early.csv');
      const fd = openSync(`${path}.part`, 'w');
      writeSync(fd, content, 0, 10_000);
      renameSync(`${path}.part`, path);
      await step(world, 'early.csv', (e) => e.why === 'writer_open');
      await silence(world, 'early.csv', 2 * WINDOW_MS);
      writeSync(fd, content, 10_000, 20_000);
      whole();
      closeSync(fd);
      return droppedAs('early.csv', content);
    });
  });

  watched(
    'with --stability-seconds 0 an open file is waited for, a closed one is taken at once',
    { options: { stabilitySeconds: 0, quietMs: 0 } },
    async (world) => {
      await world.complete('open.csv', async (whole) => {
        const writer = world.writer('open.csv');
        writer.write(world.content(10_000));
        await step(world, 'open.csv', (e) => e.why === 'writer_open');
        await silence(world, 'open.csv', 1_000);
        writer.write(world.content(10_000));
        whole();
        return writer.close();
      });
      await Promise.all(['a.csv', 'b.csv', 'c.csv'].map((name) => world.isStored(world.drop(name, 5_000))));
    },
  );

  watched(
    'files that were there before the start arrive, whatever their age',
    {
      options,
      before(world: World) {
        for (let n = 0; n < 20; n++) world.drop(`before-${n}.csv`, 1_000, { how: n % 2 ? 'old' : 'rename' });
        world.drop('deep/er/before.csv', 1_000);
      },
    },
    (world) => world.stored(undefined),
  );
});

test('a window begins again in another time namespace, whose clock is ahead', async (t) => {
  if (skipUnlessRoot(t, 'a window in another time namespace')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 3_600, trace: true } });
  world.drop('new.csv', 100);
  world.start('ingest');
  await until('it is enqueued', () => world.jobs().length === 1);
  await world.stop();
  world.start('ingest', [], {
    wrap: ['unshare', '--time', '--boottime', '7200', '--fork', '--kill-child'],
  });
  const { why } = await world.event('stage_step');
  assert.equal(why, 'window');
});
