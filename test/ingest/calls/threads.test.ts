/** The threads of a process, and how orders are assigned to them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Owners } from '../../../queue/owners.js';
import { CallThreads } from '../../../src/ingest/calls/threads.js';
import { host, nameOfText } from '../../../src/linux/index.js';
import { type Grounds, grounds } from './grounds.js';

const LARGE = Buffer.alloc(32 << 20, 'large\n');
const sha256 = createHash('sha256').update(LARGE).digest('hex');

function threadsOf(t: TestContext, { bench }: Grounds, most: number) {
  const owners = new Owners(host(), join(bench.world.root, 'owners'));
  assert.ok(owners.tryBecome(1, 'test', 0));
  const places = new Set<number>();
  const spotOf = (n: number) => {
    places.add(n);
    return owners.threadSlot(n);
  };
  const threads = new CallThreads({
    spotOf,
    noteThreadHang: () => {},
    most,
    roundsMax: 60,
    onHang: () => assert.fail('nothing hangs'),
  });
  t.after(() => threads.close().then(() => owners.close()));
  return { threads, places };
}

/** `n` comparisons of large files at once. */
function compared(ground: Grounds, threads: CallThreads, n: number) {
  return Array.from({ length: n }, (_, i) => {
    writeFileSync(ground.warehouse(`${i}.csv`), LARGE);
    return threads.run(ground.order('compare', [{ target: nameOfText(`${i}.csv`), sha256 }]));
  });
}

test('at most so many read at a time, each has a place of its own, and small files wait for none of them', async (t) => {
  const ground = await grounds(t);
  const { threads, places } = threadsOf(t, ground, 2);
  const ended: string[] = [];
  const large = compared(ground, threads, 5).map((one) => one.finally(() => ended.push('large')));
  const sealed = threads.run(ground.order('seal', [ground.drop('small.csv')])).finally(() => ended.push('small'));
  assert.equal((await sealed)[0]?.kind, 'sealed');
  for (const answers of await Promise.all(large)) assert.deepEqual(answers, [{ kind: 'same' }]);
  assert.deepEqual([...places], [0, 1, 2]);
  assert.notEqual(ended.at(-1), 'small');
  assert.equal(threads.hanging, 0);
});

test('a drain brings the file that is being read to its end, and begins none that waits for a thread', async (t) => {
  const ground = await grounds(t);
  const { threads } = threadsOf(t, ground, 1);
  const [first, ...others] = compared(ground, threads, 3);
  await new Promise(setImmediate); // the first has its thread
  threads.drain();
  assert.deepEqual(await first, [{ kind: 'same' }]);
  for (const answers of await Promise.all(others)) assert.deepEqual(answers, [{ kind: 'stopped' }]);
});
