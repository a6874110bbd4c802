/** Faults that the matrices have found, each as a scenario at the exact call. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { compilePreload, type Fault } from './control.js';
import { openGrounds } from './grounds.js';
import { Lane } from './lane.js';
import { type RoundEnd, runRound } from './round.js';

async function round(t: TestContext, faults: Fault[]): Promise<RoundEnd | undefined> {
  const grounds = openGrounds();
  t.after(() => grounds.close());
  const library = compilePreload(grounds.tools);
  if (library === undefined) {
    t.skip('there is no gcc: that the call may fail was not tested');
    return undefined;
  }
  const lane = new Lane(library, grounds.tools, 0);
  t.after(() => lane.close());
  return runRound(lane, grounds, { seed: 'found', faults });
}

test('a sealed file whose fdatasync failed is copied, and never synced again', async (t) => {
  const only = { call: 'fdatasync', path: '~twin-of-a.csv' };
  const end = await round(t, [{ kind: 'fail once', at: 1, error: 'ENOSPC', only }]);
  if (!end) return;
  assert.equal(end.hits.filter(Boolean).length, 1, 'the call was reached');
  assert.deepEqual(end.violations, []);
});

test('on a disk that fails altogether too, a file whose sync failed is known by that afterwards', async (t) => {
  const plain = await round(t, []);
  if (!plain) return;
  const syncs = plain.calls.filter(
    ({ call, path }) => call === 'fdatasync' && path.includes('/near/.input.ingest/underprocess/'),
  );
  assert.ok(syncs.length > 3);
  for (const { number } of syncs.slice(0, 4)) {
    const end = await round(t, [{ kind: 'fail from there on', at: number, error: 'EIO' }]);
    assert.deepEqual(end!.violations, [], `EIO on ${number}`);
  }
});

for (const second of ['kill before', 'kill after'] as const) {
  test(`killed while a marker is made, and again, ${second} its rename: nothing of it is left over`, async (t) => {
    const only = { call: 'renameat2', path: 'near/warehouse/.ingest-root' };
    const end = await round(t, [
      { kind: 'kill before', at: 1, only },
      { kind: second, at: 1, only },
    ]);
    if (!end) return;
    assert.equal(end.hits.filter(Boolean).length, 2, 'the call was reached twice');
    assert.deepEqual(end.violations, []);
  });
}

test('an error that Node has no name for, a quota that is used up, closes a gate as a full disk does', async (t) => {
  // The first four calls make the markers.
  const only = { call: 'fsync', path: '/warehouse' };
  const end = await round(t, [{ kind: 'fail from there on', at: 5, error: 'EDQUOT', only }]);
  if (!end) return;
  assert.equal(end.hits.filter(Boolean).length, 1, 'the call was reached');
  assert.deepEqual(end.violations, []);
  assert.equal(end.retried, false, 'no attempt was spent');
});

test('a file that may not be moved after its sidecar was is held, and looked at again at once when it is offered without', async (t) => {
  // The first rename is the sidecar's.
  const only = { call: 'renameat2', path: '~bad.csv' };
  const end = await round(t, [{ kind: 'fail once', at: 2, error: 'EACCES', only }]);
  if (!end) return;
  assert.equal(end.hits.filter(Boolean).length, 1, 'the call was reached');
  assert.deepEqual(end.violations, []);
});
