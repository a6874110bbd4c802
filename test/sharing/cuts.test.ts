/**
 * The connection is cut before and after each single statement of a host's life, one at a time: what both sides have at the end is what
 * they have without a cut.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueryResultRow } from 'pg';
import { ask } from '../../src/ingest/sharing/ask.js';
import { join } from '../../src/ingest/sharing/join.js';
import { compareCarried, live, tellConflictsAgain } from '../../src/ingest/sharing/rounds.js';
import { SharedError } from '../../src/shared-ledger/errors.js';
import { type Key, keyOf } from '../../src/shared-ledger/statements.js';
import {
  change,
  type Host,
  hasConflict,
  newHost,
  newKey,
  question,
  record,
  rowOf,
  SKIP,
  set,
  toldOf,
} from '../world/sharing-host.js';

type Cut = { at: number; how: 'before' | 'after' } | undefined;

/** Cuts one statement. Returns the number of those that were sent, and an end. */
function cutting({ ledger: { shared } }: Host, cut: Cut) {
  const rows = shared.rows;
  let sent = 0;
  const lost = (): never => {
    throw new SharedError('cut', 'connection', 'it was cut');
  };
  shared.rows = async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) => {
    const isCut = sent++ === cut?.at;
    if (isCut && cut?.how === 'before') lost();
    const answer = await rows.call(shared, text, values);
    return (isCut ? lost() : answer) as Row[];
  };
  return () => {
    shared.rows = rows;
    return sent;
  };
}

const joinAgain = async ({ backend, ledger, name }: Host): Promise<void> => {
  const joining = { backend, statePath: ledger.statePath, shared: ledger.shared, takeOver: false, isSure: true };
  // The operator gives the command again where its connection was cut.
  await join(joining, name).catch((error: unknown) => {
    if (!(error instanceof SharedError)) throw error;
    return join(joining, name);
  });
};

/** A host asks, stores, shares a conflict with another one, withdraws, gives up, takes from a forgotten host, and joins again. */
async function life(a: Host, b: Host, cut: Cut): Promise<{ end: unknown; sent: number }> {
  const [carried, stored, both, left, free] = [newKey(), newKey(), newKey(), newKey(), newKey()] as [Key, ...Key[]] &
    Key[];
  await record(b, both!, 'stored');
  await b.toldAll();
  await ask(b.ledger, [question(free!)]);
  await change(b, 'place = NULL');
  const end = cutting(a, cut);

  await record(a, carried, 'carried');
  assert.ok((await ask(a.ledger, [question(carried)]))!.ours.has(keyOf(carried)));
  await record(a, stored!, 'stored');
  await record(a, both!, 'stored');
  await a.toldAll();
  await set(a, both!, "state = 'withdrawn', told = 0");
  await a.toldAll();
  await tellConflictsAgain(a.ledger, undefined);
  await ask(a.ledger, [question(left!)]);
  await compareCarried(a.ledger, undefined);
  // The first question may find that a forgotten host carries it.
  await ask(a.ledger, [question(free!)]);
  assert.equal((await ask(a.ledger, [question(free!)]))!.ours.size, 1);
  await record(a, free!, 'carried');
  await live(a.ledger, false);
  await change({ ...a, ledger: b.ledger }, 'revision = 1');
  assert.equal(await ask(a.ledger, [question(carried)]), undefined);
  await a.toldAll();
  assert.ok((await ask(a.ledger, [question(carried)]))!.ours.has(keyOf(carried)));
  await joinAgain(a);
  await a.toldAll();

  const sent = end();
  await joinAgain(b);
  await b.toldAll();
  const rows = [];
  for (const key of [carried, stored!, both!, left!, free!]) {
    const row = await rowOf(a, key);
    rows.push([row && [a.id, b.id].indexOf(row.host), row?.state, await hasConflict(a, key)]);
  }
  return { end: { rows, told: toldOf(a, stored!) }, sent };
}

test('a cut before or after any statement changes nothing', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const { end, sent } = await life(a, b, undefined);
  assert.ok(sent > 30, `${sent} statements`);
  t.diagnostic(`${sent} statements`);
  for (let at = 0; at < sent; at++)
    for (const how of ['before', 'after'] as const)
      assert.deepEqual((await life(a, b, { at, how })).end, end, `a cut ${how} statement ${at}`);
});
