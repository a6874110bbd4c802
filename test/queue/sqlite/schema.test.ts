/** The CHECK constraints say the same as queue/states.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { QUEUE_MIGRATIONS } from '../../../queue/sqlite/schema.js';
import { assertTransition, STATES, type State, TRANSITIONS } from '../../../queue/states.js';

/** The other columns that a row must have in each state. */
const COLUMNS: Record<
  State,
  { owner?: number; waits_on?: string; hold_code?: string; ending?: string; keyed: number }
> = {
  ready: { keyed: 1 },
  claimed: { owner: 1, keyed: 1 },
  waiting: { waits_on: 'x', keyed: 1 },
  held: { hold_code: 'x', keyed: 1 },
  done: { ending: 'x', keyed: 0 },
};

function table() {
  const db = new Database(':memory:');
  for (const sql of QUEUE_MIGRATIONS) db.exec(sql);
  const put = (state: string, columns = COLUMNS[state as State] ?? { keyed: 1 }) => {
    const {
      owner = null,
      waits_on = null,
      hold_code = null,
      ending = null,
      keyed,
    } = columns as Record<string, unknown>;
    db.prepare(
      `INSERT INTO jobs (id, feed, key, identity, stage, state, due_ms, bytes, payload, created_ms, updated_ms, trail, owner, waits_on, hold_code, ending, keyed)
       VALUES ('J', 'f', x'00', 'i', 's', ?, 0, 0, '{}', 0, 0, '[]', ?, ?, ?, ?, ?)`,
    ).run(state, owner, waits_on, hold_code, ending, keyed);
  };
  const move = (to: State) => {
    const { owner = null, waits_on = null, hold_code = null, ending = null, keyed } = COLUMNS[to];
    db.prepare(
      'UPDATE jobs SET was = state, state = ?, owner = ?, waits_on = ?, hold_code = ?, ending = ?, keyed = ?',
    ).run(...[to, owner, waits_on, hold_code, ending, keyed]);
  };
  return { db, put, move };
}

const allowed = (act: () => void): boolean => {
  try {
    act();
    return true;
  } catch (error) {
    assert.match(String(error), /CHECK constraint failed/);
    return false;
  }
};

test('the table takes exactly the states of states.ts', () => {
  for (const state of STATES) table().put(state);
  assert.equal(
    allowed(() => table().put('lost')),
    false,
  );
});

test('the table takes exactly the transitions of states.ts', () => {
  const legal = new Set(Object.values(TRANSITIONS).flatMap(({ from, to }) => from.map((state) => `${state}>${to}`)));
  for (const from of STATES) {
    for (const to of STATES) {
      const { put, move } = table();
      put(from);
      assert.equal(
        allowed(() => move(to)),
        legal.has(`${from}>${to}`),
        `${from} to ${to}`,
      );
    }
  }
});

test('a column of one state is NULL in every other state', () => {
  for (const state of STATES) {
    for (const extra of [{ owner: 1 }, { waits_on: 'x' }, { hold_code: 'x' }, { ending: 'x' }]) {
      const rightly = Object.keys(extra)[0]! in COLUMNS[state];
      assert.equal(
        allowed(() => table().put(state, { ...COLUMNS[state], ...extra })),
        rightly,
        `${state} with ${Object.keys(extra)[0]}`,
      );
    }
  }
  assert.equal(
    allowed(() => table().put('done', { ...COLUMNS.done, keyed: 1 })),
    false,
    'a done job holds no key',
  );
});

test('a transition that is not in the table is a bug', () => {
  assert.throws(() => assertTransition('advance', 'held'), /a job in state held cannot advance/);
  assert.equal(assertTransition('rescue', 'claimed'), 'ready');
});
