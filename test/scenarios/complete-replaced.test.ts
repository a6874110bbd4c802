/**
 * Complete files only: a file is replaced in flight. Every version that was sealed arrives whole under its own target;
 * a version that its uploader overwrote before the seal is lost by the uploader, and never mixed with the next one.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { droppedAs, scenarios, watched } from './watching.js';

const NAME = 'orders.csv';

/** The ways in which uploaders replace a file. */
const REPLACE: Record<string, (path: string, content: Buffer) => void> = {
  'rename over it': (path, content) => {
    writeFileSync(`${path}.tmp`, content);
    renameSync(`${path}.tmp`, path);
  },
  'write over it': (path, content) => writeFileSync(path, content),
  'cp -p over it': (path, content) => {
    const source = join(path, '../../source');
    writeFileSync(source, content);
    utimesSync(source, 1_000_000_000, 1_000_000_000);
    execFileSync('cp', ['-p', source, path]);
  },
};

function replace(world: World, how: string, bytes: number, optional = false): void {
  const content = world.content(bytes);
  REPLACE[how]!(join(world.input, NAME), content);
  world.dropped.push({ ...droppedAs(NAME, content), optional });
}

async function ctl(world: World, ...words: string[]): Promise<void> {
  const ended = await world.run('ingest-ctl', words);
  assert.equal(ended.code, 0, ended.stderr);
}

/** The number of jobs that wait before the stage. */
const lieBefore = (world: World, stage: string, count: number): Promise<unknown> =>
  until(
    `${count} jobs before ${stage}`,
    () => world.jobs().filter((j) => j.stage === stage && j.state === 'ready').length === count,
    {
      soFar: () => JSON.stringify(world.jobs().map(({ stage: at, state }) => [at, state])),
    },
  );

const targets = (world: World): string[] =>
  world.manifest().map(({ record }) => record!.warehouse_path.split('/').at(-1)!);

scenarios('complete files only: replaced in flight', () => {
  for (const stage of stagesUsed([]).slice(1)) {
    watched(
      `a file that is replaced while its first version waits for ${stage}: all versions arrive`,
      {},
      async (world) => {
        await ctl(world, 'pause', stage);
        for (const [n, how] of Object.keys(REPLACE).entries()) {
          // All versions have one length: only their bytes differ.
          replace(world, how, 10_000);
          await lieBefore(world, stage, n + 1);
        }
        assert.deepEqual(world.warehouse(), []);
        await ctl(world, 'resume', stage);
        await world.stored(3);
        assert.equal(new Set(targets(world)).size, 3);
        for (const { record } of world.manifest()) assert.equal(record!.path, join(world.input, NAME));
        for (const target of targets(world)) assert.match(target, /^orders(~\d)?\.csv$/);
      },
    );
  }

  watched(
    'a file that is replaced before it is verified arrives whole, in its last version',
    { options: { stabilitySeconds: 0, quietMs: 0 } },
    async (world) => {
      await ctl(world, 'pause', 'verify-complete');
      replace(world, 'write over it', 10_000, true);
      await lieBefore(world, 'verify-complete', 1);
      replace(world, 'rename over it', 20_000, true);
      replace(world, 'cp -p over it', 10_000);
      await ctl(world, 'resume', 'verify-complete');
      await world.stored(1);
      assert.deepEqual(
        world.manifest().map(({ record }) => record!.sha256),
        [world.dropped.at(-1)!.sha256],
      );
    },
  );
});

scenarios('complete files only: written to through a link', () => {
  watched(
    'an uploader writes through a link after its file was copied: the copied version is stored, the written one is held',
    {},
    async (world) => {
      await ctl(world, 'pause', 'move');
      const kept = join(world.root, 'kept');
      const content = world.content(2_000);
      writeFileSync(kept, content);
      linkSync(kept, join(world.input, NAME));
      world.dropped.push(droppedAs(NAME, content));
      await lieBefore(world, 'move', 1);
      writeFileSync(kept, 'written through a link', { flag: 'r+' });
      const after = droppedAs(NAME, readFileSync(kept));
      world.dropped.push({ ...after, optional: true });
      for (const digest of [world.dropped[0]!.sha256, after.sha256]) world.held.add(digest);
      await ctl(world, 'resume', 'move');
      await world.event('file_held', undefined);
      assert.equal(world.jobs()[0]!.hold_code, 'changed_after_copy');
      assert.equal(world.warehouse().length, 1);
      world.check();
      await ctl(world, 'discard', world.jobs()[0]!.id);
      await world.event('file_discarded', undefined);
      world.discarded.add(after.sha256);
      assert.equal(world.failed().length, 1);
    },
  );
});

scenarios('complete files only: replaced by its own bytes, with sidecars, without a pause', () => {
  watched('a file that is replaced by its own bytes while it is in flight is stored once', {}, async (world) => {
    await ctl(world, 'pause', 'move');
    const content = world.content(10_000);
    for (let n = 0; n < 2; n++) {
      writeFileSync(join(world.input, NAME), content);
      world.dropped.push(droppedAs(NAME, content));
      await until(`version ${n + 1} is sealed`, () => world.log.named('file_ready').length === n + 1);
    }
    await ctl(world, 'resume', 'move');
    await world.event('file_skipped_duplicate', undefined);
    await until('one copy is put away', () => world.duplicates().length === 1);
    assert.equal(world.manifest().length, 1);
  });

  watched(
    'in sidecar mode each version is judged by its own sidecar',
    { options: { mode: 'sidecar' } },
    async (world) => {
      await ctl(world, 'pause', 'hash');
      for (let n = 1; n <= 3; n++) {
        replace(world, 'rename over it', 10_000);
        world.sidecar(NAME, `${world.dropped.at(-1)!.sha256}  ${NAME}\n`);
        await lieBefore(world, 'hash', n);
      }
      await ctl(world, 'resume', 'hash');
      await world.stored(3);
      assert.deepEqual(world.log.named('file_held'), []);
    },
  );

  watched(
    'a name that is replaced again and again, with ever longer gaps: every version that arrives is whole, and the last one arrives',
    { options: { stabilitySeconds: 0, quietMs: 0 } },
    async (world) => {
      const sealed = () => world.log.named('file_ready').length;
      // A file is sealed where two checks find it unchanged. How long that takes is a matter of the machine: the gap between two
      // storms of replacements grows until a version was sealed in it, and begins again with none.
      for (let gapMs = 1; sealed() < 8; ) {
        const before = sealed();
        for (let n = 0; n < 10; n++) replace(world, Object.keys(REPLACE)[n % 2]!, 5_000 + n, true);
        const overMs = performance.now() + gapMs;
        await until('the gap is over', () => sealed() > before || performance.now() > overMs, {
          everyMs: 1,
        });
        gapMs = sealed() > before ? 1 : 2 * gapMs;
      }
      replace(world, 'rename over it', 5_000);
      await world.isStored(world.dropped.at(-1)!);
      await world.allDone();
    },
  );
});
