/** Complete files only, in sidecar mode: NAME.ok says that NAME is whole, and may say what its SHA-256 is. */
import assert from 'node:assert/strict';
import { closeSync, openSync, renameSync, rmSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { nameOfText } from '../../src/linux/names.js';
import { type Dropped, sha256 } from '../world/dropping.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { droppedAs, scenarios, silence, step, watched } from './watching.js';

const WINDOW_MS = 500;
/** Longer than a busy machine holds up this process between two of its writes. */
const LONG_MS = 8_000;
const options = { mode: 'sidecar', stabilitySeconds: WINDOW_MS / 1_000 };

/** Sidecars of a content that are all right, each in another form. */
const RIGHT: Record<string, (digest: string, name: string) => string> = {
  'no checksum': () => '',
  'a word that is no checksum': () => 'complete\n',
  'the checksum': (digest) => digest,
  'the checksum in capitals with a newline': (digest) => `${digest.toUpperCase()}\n`,
  'what sha256sum writes': (digest, name) => `${digest}  ${name}\n`,
  'what sha256sum --binary writes': (digest, name) => `${digest} *${name}\n`,
};

/** Drops a file and, when it has been left alone for five windows, its sidecar. */
const withLateSidecar = (
  world: World,
  name: string,
  says: (digest: string, name: string) => string,
): Promise<Dropped> =>
  world.complete(name, async (whole) => {
    const dropped = world.drop(name, 10_000);
    await until(`${name} has a job`, () => world.jobs().some(({ key }) => key === name));
    await silence(world, name, 5 * WINDOW_MS);
    whole();
    world.sidecar(name, says(dropped.sha256, name));
    return dropped;
  });

scenarios('complete files only: a file and its sidecar', () => {
  watched('a file waits for its sidecar, whatever right thing that says', { options }, async (world) => {
    const silent = Object.entries(RIGHT).map(([, says], n) => ({ name: `late-${n}.csv`, says }));
    for (const { name, says } of silent.slice(1)) {
      const dropped = world.drop(name, 5_000);
      world.sidecar(name, says(dropped.sha256, name));
    }
    await withLateSidecar(world, silent[0]!.name, silent[0]!.says);
    await world.stored(silent.length);
    await withLateSidecar(world, 'checked.csv', RIGHT['what sha256sum writes']!);
  });

  watched(
    'a file whose sidecar demands another checksum is held, and nothing of it is stored',
    { options },
    async (world) => {
      const wrong = world.drop('wrong.csv', 5_000);
      world.held.add(wrong.sha256);
      world.sidecar('wrong.csv', `${sha256('something else')}  wrong.csv\n`);
      const held = await world.event('file_held');
      assert.equal(held.code, 'checksum_mismatch');
      assert.match(String(held.reason), new RegExp(wrong.sha256));
      assert.deepEqual(world.manifest(), []);

      // The next version of that name is judged by its own sidecar.
      const right = world.drop('wrong.csv', 6_000);
      world.sidecar('wrong.csv', `${right.sha256}  wrong.csv\n`);
      await world.isStored(right);
      assert.equal(world.manifest().length, 1);
    },
  );

  watched('a sidecar before its file does not make half of the file whole', { options }, async (world) => {
    await world.complete('early.csv', async (whole) => {
      world.sidecar('early.csv');
      await silence(world, 'early.csv', WINDOW_MS);
      const writer = world.writer('early.csv');
      writer.write(world.content(10_000));
      await step(world, 'early.csv', (e) => e.why === 'writer_open');
      await silence(world, 'early.csv', 5 * WINDOW_MS);
      writer.write(world.content(10_000));
      whole();
      return writer.close();
    });
  });
});

scenarios('complete files only: sidecars that are not what they seem', () => {
  watched(
    'a sidecar left over from an earlier file of that name is not enough: the file must be quiet too',
    { options: { mode: 'sidecar', stabilitySeconds: LONG_MS / 1_000 } },
    async (world) => {
      world.sidecar('again.csv');
      await silence(world, 'again.csv', 50); // the kernel stamps changes of one tick (up to 10 ms) alike
      let lastMs = 0;
      await world.complete('again.csv', async (whole) => {
        const content = world.content(40_000);
        for (let at = 0; at < content.length; at += 10_000) {
          if (at > 0) await silence(world, 'again.csv', 700);
          lastMs = performance.now();
          writeFileSync(join(world.input, 'again.csv'), content.subarray(at, at + 10_000), { flag: 'a' });
        }
        whole();
        return droppedAs('again.csv', content);
      });
      assert(performance.now() - lastMs >= LONG_MS, 'the old sidecar was taken for the word of the new upload');
    },
  );

  watched('a sidecar that is empty and open, as while sha256sum runs, says nothing yet', { options }, async (world) => {
    await world.complete('hashing.csv', async (whole) => {
      const dropped = world.drop('hashing.csv', 10_000);
      const sidecar = openSync(join(world.input, 'hashing.csv.ok'), 'w');
      world.sidecars.add(nameOfText('hashing.csv.ok'));
      await step(world, 'hashing.csv', (e) => e.why === 'sidecar_open');
      await silence(world, 'hashing.csv', 5 * WINDOW_MS);
      writeSync(sidecar, `${dropped.sha256}  hashing.csv\n`);
      whole();
      closeSync(sidecar);
      return dropped;
    });
  });

  watched(
    'a sidecar that is renamed into place counts, one under a temporary name does not',
    { options },
    async (world) => {
      await world.complete('moved.csv', async (whole) => {
        const dropped = world.drop('moved.csv', 10_000, { how: 'old' });
        const path = join(world.input, 'moved.csv.ok');
        writeFileSync(`${path}.tmp`, dropped.sha256);
        utimesSync(`${path}.tmp`, 1_000_000_000, 1_000_000_000);
        await silence(world, 'moved.csv', 5 * WINDOW_MS);
        world.sidecars.add(nameOfText('moved.csv.ok'));
        whole();
        renameSync(`${path}.tmp`, path);
        return dropped;
      });
    },
  );

  watched(
    'a sidecar without its file is left alone, and a file deleted while it waits comes back whole',
    { options },
    async (world) => {
      writeFileSync(join(world.input, 'alone.csv.ok'), '');
      world.bystander('input', 'alone.csv.ok');
      writeFileSync(join(world.input, 'back.csv'), world.content(1_000));
      await until('the file has a job', () => world.jobs().length === 1);
      rmSync(join(world.input, 'back.csv'));
      await withLateSidecar(world, 'back.csv', RIGHT['the checksum']!);
    },
  );
});
