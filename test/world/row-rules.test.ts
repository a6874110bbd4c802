import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { putAway, store } from './by-hand.js';
import type { Dropped } from './dropping.js';
import type { DifferenceKind, Expected } from './oracle.js';
import { StateByHand } from './state-by-hand.js';
import { createWorld, type World } from './world.js';

interface Ingested {
  world: World;
  state: StateByHand;
  first: Dropped;
  second: Dropped;
}

/** Two files stored and a duplicate put away, on disk and in the rows. */
function ingested(t: TestContext): Ingested {
  const world = createWorld(t);
  const state = new StateByHand(world);
  t.after(() => state.db.close());
  const bytes = world.content(1000);
  const [first, second] = [world.drop('first.csv', bytes), world.drop('second.csv', 2000)];
  for (const dropped of [first, second]) {
    store(world, dropped);
    state.stored(dropped);
  }
  const twin = world.drop('twin.csv', bytes);
  putAway(world, twin, 'duplicates');
  state.job(twin, { stage: 'hash', ending: 'duplicate' });
  return { world, state, first, second };
}

test('the oracle finds nothing where rows and disk agree', (t) => {
  ingested(t).world.check();
});

const planted: [string, DifferenceKind, (it: Ingested) => void][] = [
  [
    'a job that is still ready',
    'stuck',
    ({ state, first }) => void state.job(first, { state: 'ready', stage: 'hash' }),
  ],
  ['a job that is held', 'stuck', ({ state, first }) => void state.job(first, { state: 'held', hold: 'poison' })],
  [
    'an append that was never confirmed',
    'stuck',
    ({ state }) => void state.db.exec("INSERT INTO appends VALUES (1, 'default', 'f', 1, 0, x'00', '{}', 0)"),
  ],
  ['a second carrier', 'row_differs', twoCarriers],
  ['a second carrier in the chain', 'row_differs', (it) => twoCarriers(it, 'held', 'process')],
  [
    'a content that nobody carries',
    'row_differs',
    ({ state, world }) => void state.content(outside(world), 'JOB-none', 'carried'),
  ],
  [
    'a stored file that the ledger does not know',
    'row_differs',
    ({ state }) => void state.db.exec('DELETE FROM contents WHERE row = 1'),
  ],
  ['a content that is stored in the ledger alone', 'row_differs', storedInLedgerAlone],
  [
    'a ledger that names another target',
    'row_differs',
    ({ state }) => void state.db.exec("UPDATE contents SET target = x'41' WHERE row = 1"),
  ],
  [
    'a counter that counted one twice',
    'counter_differs',
    ({ state }) => void state.db.exec('UPDATE counters SET files = files + 1'),
  ],
  [
    'a counter whose bytes are wrong',
    'counter_differs',
    ({ state }) => void state.db.exec('UPDATE counters SET bytes = bytes - 1'),
  ],
  [
    'a depth of jobs that are not there',
    'row_differs',
    ({ state }) => void state.db.exec("INSERT INTO depths VALUES ('default', 'hash', 0, 1, 10)"),
  ],
];

for (const [name, kind, plant] of planted) {
  test(`the oracle finds ${name}`, (t) => {
    const it = ingested(t);
    plant(it);
    const found = it.world.differences();
    assert.deepEqual(
      found.map((d) => d.kind),
      [kind],
      JSON.stringify(found),
    );
  });
}

test('the oracle finds two carriers and an abandoned content in the middle of the work, too', (t) => {
  const it = ingested(t);
  twoCarriers(it, 'ready');
  it.state.content(outside(it.world), 'JOB-none', 'manifested');
  assert.deepEqual(
    it.world.differences({ settled: false }).map((d) => d.kind),
    ['row_differs', 'row_differs'],
  );
});

test('the oracle lets be a held content with the twins that wait for it, where the test means it', (t) => {
  const { world, state } = ingested(t);
  const held = world.drop('held.csv', 10);
  putAway(world, held, 'underprocess');
  const carrier = state.job(held, {
    state: 'held',
    stage: 'manifest',
    hold: 'target_taken',
    payload: { sha256: held.sha256, content: 3 },
  });
  assert.equal(state.content(held, carrier, 'carried'), 3);
  const expected: Partial<Expected> = { held: new Set([held.sha256]) };
  world.check(expected);
  assert.deepEqual(
    world.differences().map((d) => d.kind),
    ['stuck', 'stuck'],
  );
});

/** A content that was not dropped in this world. */
const outside = (world: World): Dropped => {
  const dropped = world.drop('outside.csv', 10);
  putAway(world, dropped, 'underprocess');
  world.held.add(dropped.sha256);
  return dropped;
};

function twoCarriers({ state, first, world }: Ingested, as = 'held', stage = 'move'): void {
  world.held.add(first.sha256);
  state.job(first, {
    state: as,
    stage,
    ...(as === 'held' && { hold: 'poison' }),
    payload: { sha256: first.sha256, content: 1 },
  });
}

function storedInLedgerAlone({ state, first }: Ingested): void {
  state.stored({ ...first, sha256: 'ab'.repeat(32) });
}
