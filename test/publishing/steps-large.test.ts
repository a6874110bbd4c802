/**
 * SIGKILL of everything at each step of a large file, which goes into the bucket in parts; uploads that somebody else gave up; requests
 * that arrive late. Started again, only what is missing is sent, the object is whole, and no upload is left for ever.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as s3 from '@aws-sdk/client-s3';
import type { Bucket } from '../world/bucket.js';
import { ahead, hasFaketime } from '../world/faketime.js';
import type { Fault, Rule, Which } from '../world/fault-proxy.js';
import { loseState, rebuilt } from '../world/lost.js';
import { checkBucket, killedAt, linesOf, objectsOf, proxied } from '../world/publisher.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const MIB = 1 << 20;
const [PARTS_2, PARTS_3] = [65 * MIB, 129 * MIB];
/** A day and an hour. */
const LATER_S = 90_000;

async function whole(bucket: Bucket, lines: number): Promise<void> {
  assert.equal((await checkBucket(bucket)).length, lines);
  assert.equal((await objectsOf(bucket)).length, lines);
}

/** A day later, by the clocks of the store and of the product. */
async function swept(world: World, bucket: Bucket): Promise<void> {
  await bucket.restart({ aheadS: LATER_S });
  const program = world.start('ingest', [], { env: ahead(LATER_S) });
  await until('no upload is left', async () => (await bucket.uploads()).length === 0, {
    soFar: () => program.tail(),
  });
  await program.stop();
  await bucket.restart();
}

test('killed at each step of one large file: only the parts that are missing are sent', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('big.bin', PARTS_3);
  const rules: Rule[] = [];
  const killed = async (which: Which, fault: Fault): Promise<void> => {
    rules.push(await killedAt(world, proxy, which, fault));
    assert.deepEqual(
      await objectsOf(bucket),
      fault === 'hold-answer' && which.kind === 'complete' ? [objectKey()] : [],
    );
  };
  const objectKey = (): string => proxy.of('create')[0]!.key;
  await killed({ kind: 'head' }, 'hold');
  await killed({ kind: 'create' }, 'hold');
  await killed({ kind: 'part', part: 1 }, 'hold');
  await killed({ kind: 'part', part: 1 }, 'hold-answer');
  await killed({ kind: 'part', part: 2 }, 'hold-answer');
  await killed({ kind: 'part', part: 3 }, 'hold-answer');
  await killed({ kind: 'list-parts' }, 'hold');
  await killed({ kind: 'complete' }, 'hold');
  const sent = [1, 2, 3].map((n) => proxy.of('part').filter(({ query }) => query.partNumber === String(n)).length);
  assert.deepEqual(sent, [2, 1, 1], 'what the store has is not sent again');
  await killed({ kind: 'complete' }, 'hold-answer');
  await world.runOnce();
  await whole(bucket, 1);
  assert.equal(proxy.of('create').length, 2, 'the first one was held, and not known');
  await Promise.all(rules.map((rule) => rule.release()));
  await whole(bucket, 1);
  world.check();
});

test('an answer of each request is lost, or says something else: the store is asked, and one object comes', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const faults: [Which, Fault][] = [
    [{ kind: 'create' }, 'lose-answer'],
    [{ kind: 'part', part: 1 }, 'cut-in-body'],
    [{ kind: 'part', part: 2 }, 'lose-answer'],
    [{ kind: 'complete' }, { status: 200, code: 'InternalError', after: true }],
  ];
  for (const [which, fault] of faults) proxy.add(which, fault);
  world.drop('a.bin', PARTS_2);
  await world.runOnce();
  await whole(bucket, 1);
  const conflicts: [Which, Fault][] = [
    [{ kind: 'complete' }, { status: 409, code: 'ConditionalRequestConflict' }],
    [{ kind: 'complete', after: 1 }, 'lose-answer'],
  ];
  for (const [which, fault] of conflicts) proxy.add(which, fault);
  world.drop('b.bin', PARTS_2);
  await world.runOnce();
  await whole(bucket, 2);
  world.check();
});

test('an upload that no row names is given up a day later, and not before; one in a row goes on', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  if (!hasFaketime()) return t.skip('libfaketime is not installed: the sweep of uploads was not tested');
  const { world, bucket, proxy } = made;
  world.drop('big.bin', PARTS_2);
  await killedAt(world, proxy, { kind: 'create' }, 'hold-answer');
  const [orphan] = await bucket.uploads();
  await killedAt(world, proxy, { kind: 'part', part: 2 }, 'hold');
  assert.equal((await bucket.uploads()).length, 2);
  await bucket.restart({ aheadS: LATER_S });
  const env = ahead(LATER_S);
  const complete = proxy.add({ kind: 'complete' }, 'hold');
  const program = world.start('ingest', [], { env });
  await complete.hit();
  await until('the orphan is given up', async () => (await bucket.uploads()).every(({ id }) => id !== orphan!.id));
  assert.equal((await bucket.uploads()).length, 1);
  await complete.release();
  await until('its line', async () => (await linesOf(bucket)).length === 1);
  await program.stop();
  await bucket.restart();
  assert.deepEqual(await bucket.uploads(), []);
  assert.equal(world.log.named('upload_given_up').length, 1);
  await whole(bucket, 1);
});

test('an upload that is left over is given up a day later, also by a service that has nothing to publish', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  if (!hasFaketime()) return t.skip('libfaketime is not installed: the sweep of uploads was not tested');
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  const Key = (await objectsOf(bucket))[0]!.replace('a.csv', 'gone.bin');
  await bucket.client().send(new s3.CreateMultipartUploadCommand({ Bucket: bucket.name, Key }));
  await swept(world, bucket);
  await whole(bucket, 1);
});

test('an upload that somebody gave up is begun again, at each step', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const requests: Which[] = [{ kind: 'list-parts' }, { kind: 'part', part: 2 }, { kind: 'complete' }];
  world.drop('big.bin', PARTS_2);
  const program = world.start('ingest', ['--once']);
  for (const which of requests) {
    const rule = proxy.add(which, 'hold');
    await rule.hit(1, { soFar: () => program.tail() });
    for (const { key, id } of await bucket.uploads())
      await bucket.client().send(new s3.AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId: id }));
    await rule.release();
  }
  assert.equal((await program.ended).code, 0);
  await whole(bucket, 1);
  assert.deepEqual(await bucket.uploads(), []);
  world.check();
});

test('bytes that were changed are sent in part and taken back: nothing of them is in the object', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('big.bin', PARTS_2);
  await killedAt(world, proxy, { kind: 'create' }, 'hold');
  const path = join(world.feed().warehouse, world.warehouse().find(({ path: its }) => its.endsWith('big.bin'))!.path);
  const right = readFileSync(path);
  const wrong = Buffer.from(right);
  wrong[5] = wrong[5]! ^ 1;
  writeFileSync(path, wrong);
  await killedAt(world, proxy, { kind: 'part', part: 2 }, 'hold');
  writeFileSync(path, right);
  await world.runOnce();
  await whole(bucket, 1);
  world.check();
});

test('requests of a state that was lost arrive late: a part finds no upload, a Complete the same bytes', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('big.bin', PARTS_2);
  const part = await killedAt(world, proxy, { kind: 'part', part: 2 }, 'hold');
  const complete = await killedAt(world, proxy, { kind: 'complete' }, 'hold');
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
  await whole(bucket, 1);
  await part.release();
  await complete.release();
  await whole(bucket, 1);
  if (hasFaketime()) await swept(world, bucket);
  await whole(bucket, 1);
  world.check();
});
