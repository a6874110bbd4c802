/** A call that hangs while the outputs of a file are copied: nothing else of that file is begun until the call has ended. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { partitionOf } from '../../src/files/job-paths.js';
import { sha256 } from '../world/dropping.js';
import type { HeardEvent } from '../world/event-log.js';
import { bindMount, canMake, loopMount } from '../world/mounts.js';
import { stays, until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

const STALL_SECONDS = 6;
/** Each output takes seconds at this rate. */
const OUTPUT_BYTES = 6_000_000;
const OPTIONS = ['--stall-seconds', String(STALL_SECONDS), '--max-bytes-per-second', '3MB'];
const LINE_BYTES = 10_000;

const skip =
  (process.getuid?.() !== 0 || !canMake('ext4')) &&
  'a filesystem that freezes under the copy of an output was not tested: that needs root and mkfs.ext4';

const recordsOf = (country: string): string[] =>
  Array.from({ length: OUTPUT_BYTES / LINE_BYTES }, (_, i) => `${i},${country},${'x'.repeat(LINE_BYTES)}`);

test('a partition freezes under the copy of an output: the next output is not begun, and every name has its whole bytes', {
  skip,
}, async (t) => {
  const world = createWorld(t, {
    feeds: {
      made: {
        options: {
          stabilitySeconds: 0,
          quietMs: 0,
          timezone: 'UTC',
          process: {
            format: 'csv',
            start: 'split',
            steps: { split: { by: 'country' } },
          },
        },
      },
    },
  });
  const partition = join(world.feed().warehouse, partitionOf(Date.now(), 'UTC').date);
  const disk = loopMount(join(world.root, 'disk'));
  mkdirSync(join(disk, 'day'));
  bindMount(join(disk, 'day'), partition);
  const freeze = (how: '-f' | '-u'): void => void execFileSync('fsfreeze', [how, partition]);
  const copies = (): string[] => {
    const folder = join(partition, '.ingest-tmp');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const grows = (): boolean =>
    copies().some(
      (name) =>
        (statSync(join(partition, '.ingest-tmp', name), { throwIfNoEntry: false })?.size ?? 0) > OUTPUT_BYTES / 3,
    );

  const [de, fr] = [recordsOf('DE'), recordsOf('FR')];
  const header = 'id,country,text';
  const made = Object.entries({ DE: de, FR: fr }).map(([tag, records]) => [
    tag,
    sha256([header, ...records, ''].join('\n')),
  ]);
  const dropped = world.drop('orders.csv', [header, ...de, ...fr, ''].join('\n'));
  world.made.set(dropped.sha256, Object.fromEntries(made));
  world.start('ingest', OPTIONS);
  await world.event('file_processed');
  await until('the copy of the first output grows', grows);
  freeze('-f');
  try {
    // On a busy machine, reading the file may have taken as long.
    const atWarehouse = ({ place }: HeardEvent): boolean => place === 'warehouse';
    assert.equal((await world.event('call_hangs', atWarehouse)).act, 'put');
    const [first, ...more] = copies();
    assert.deepEqual(more, []);
    const isAlone = () => world.log.named('call_hangs').filter(atWarehouse).length === 1 && copies().join() === first;
    await stays('no other call on that file hangs', isAlone, 2_500 * STALL_SECONDS);
  } finally {
    freeze('-u');
  }
  await world.allDone();
  await world.stop();
  world.check();
});
