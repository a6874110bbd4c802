/**
 * Events of renames, sent by hand: whatever comes between their halves, and however late they are.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createChangeLog } from '../../src/change-log/index.js';
import { EventRecorder, type SourceEvent } from '../../src/mirror/changes/event-recorder.js';
import { Replica } from '../../src/mirror/replica.js';
import { limits } from '../../src/mirror/trees/limits.js';
import type { MirrorResult } from '../../src/mirror/trees/types.js';
import { stays, until } from '../world/waiting.js';
import { difference } from './mirror-world.js';

const told = (
  name: string,
  { source = '/source', ...more }: Partial<SourceEvent> & { source?: string } = {},
): SourceEvent => ({
  pathBytes: Buffer.from(join(source, name)),
  operation: 'put',
  timestamp: new Date(),
  ...more,
});

/** A SOURCE, a DEST, and a mirror between them that gets only the events of the test. */
function untoldWorld(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'follow-'));
  const [source, dest] = [join(root, 'source'), join(root, 'dest')];
  for (const place of [source, dest]) mkdirSync(place);
  let running: { replica: Replica; done: Promise<MirrorResult> } | undefined;
  t.after(async () => {
    running?.replica.stop();
    await Promise.allSettled([running?.done]);
    rmSync(root, { recursive: true });
  });
  return {
    root,
    source,
    dest,
    async once() {
      await (await Replica.open({ source, dest, once: true })).run();
    },
    /** Runs until the end of the test, or until it is stopped. Resolves when everything was scanned. */
    async start() {
      const replica = await Replica.open({ source, dest });
      running = { replica, done: replica.run() };
      await until('everything was looked at', () => replica.status().totals.scans > 0);
      return running;
    },
    tell: (replica: Replica, ...changes: [name: string, more: Partial<SourceEvent>][]) =>
      replica.follow(
        (async function* () {
          for (const [name, more] of changes) yield told(name, { source, ...more });
        })(),
      ),
  };
}

test('half a rename that arrives during a recording does not end all recording', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'follow-'));
  t.after(() => rmSync(root, { recursive: true }));
  const log = await createChangeLog({ path: join(root, 'changes.db') });
  t.after(() => log.close());
  await log.register('reader');
  const names = async () => (await log.since(0)).map(({ key }) => String(key));
  const follow = new EventRecorder({ source: '/source', record: async (changes) => void (await log.record(changes)) });
  await follow.run(
    (async function* () {
      yield told('before');
      yield told('half', { renameId: 'a rename' });
      await until('both are recorded', async () => (await names()).length === 2);
      await stays('nobody waits for the other half any more', () => true, 2 * limits.pairMs);
      yield told('after');
      await until('later events are recorded', async () => (await names()).length === 3);
    })(),
  );
  assert.deepEqual(await names(), ['before', 'half', 'after']);
});

test('a late rename event is a rename in DEST: the mirror waits for it when its own check comes first', async (t) => {
  const { source, start, tell } = untoldWorld(t);
  for (const name of ['old', 'stays']) writeFileSync(join(source, name), name);
  const { replica, done } = await start();
  const { totals } = replica.status();
  renameSync(join(source, 'old'), join(source, 'new'));
  await until('it has looked by itself', () => replica.status().totals.files > totals.files);
  const renameId = 'a rename';
  await tell(replica, ['old', { renameId, operation: 'delete' }], ['new', { renameId }]);
  await until(
    'it was dealt with',
    () => replica.status().totals.moved + replica.status().totals.copied > totals.copied,
  );
  replica.stop();
  const { moved, copied } = (await done).totals;
  assert.deepEqual({ moved, copied }, { moved: 1, copied: 2 });
});

test('a path whose state differs from its event is checked again: if it changes back, there is no event', async (t) => {
  const { root, source, dest, once, start, tell } = untoldWorld(t);
  const [goes, comes, outside] = [join(source, 'goes'), join(source, 'comes'), join(root, 'outside')];
  for (const path of [goes, comes, join(source, 'stays')]) writeFileSync(path, 'content');
  // A path that a check copied is checked again only for that reason.
  await once();
  const { replica } = await start();
  renameSync(comes, outside);
  await tell(replica, ['goes', { operation: 'delete' }], ['comes', { operation: 'put' }]);
  await until('both were dealt with', () => replica.status().behind === 0);
  assert(existsSync(join(dest, 'goes')));
  assert(!existsSync(join(dest, 'comes')));
  unlinkSync(goes);
  renameSync(outside, comes);
  await until('DEST is as SOURCE', () => difference(source, dest) === undefined, {
    soFar: () => String(difference(source, dest)),
  });
  assert.equal(replica.status().totals.scans, 1);
});
