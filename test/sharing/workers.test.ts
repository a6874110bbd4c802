/**
 * Sentences of the protocol about several workers of a host: what is read before and after a statement, and what is read again for its
 * next attempt. Each test fails where its sentence is left out of the product.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharingHost } from '../../src/ingest/ledger/host.js';
import { ask } from '../../src/ingest/sharing/ask.js';
import { compareCarried, live, tell, tellConflictsAgain } from '../../src/ingest/sharing/rounds.js';
import type { SharedLedger } from '../../src/ingest/sharing/shared-ledger.js';
import { SharedError } from '../../src/shared-ledger/errors.js';
import { hostOfId } from '../../src/shared-ledger/hosts.js';
import { keyOf } from '../../src/shared-ledger/statements.js';
import {
  afterStatement,
  beforeStatement,
  change,
  type Host,
  newHost,
  newKey,
  question,
  record,
  rowOf,
  SKIP,
  secondWorker,
  set,
  toldOf,
} from '../world/sharing-host.js';
import { until } from '../world/waiting.js';

const THE_ROW = 'FROM hosts WHERE id';
const cut = (): Promise<never> => Promise.reject(new SharedError('cut', 'connection', 'it was cut'));
const revisionThere = async ({ ledger, id }: Host): Promise<number> => (await hostOfId(ledger.shared, id))!.revision;
const revisionHere = ({ backend }: Host): number => backend.read(sharingHost)!.revision;

test(
  'the revision that was known before the row was read is compared with it: another worker goes on meanwhile',
  SKIP,
  async (t) => {
    const host = await newHost(t);
    const [first, second] = [secondWorker(t, host), secondWorker(t, host)];
    await live(second, false);
    const { since } = host.backend.read(sharingHost)!;
    afterStatement({ ...host, ledger: first }, THE_ROW, () => live(second, false));
    assert.ok(await ask(first, [question(newKey())]));
    assert.equal(host.backend.read(sharingHost)!.since, since, 'no older database was found');
  },
);

test('the number of the state is read after the row: another worker asks meanwhile', SKIP, async (t) => {
  const host = await newHost(t);
  const [first, second] = [secondWorker(t, host), secondWorker(t, host)];
  beforeStatement({ ...host, ledger: first }, THE_ROW, () => ask(second, [question(newKey())]));
  assert.ok(await ask(first, [question(newKey())]));
});

test('what came back with an answer is kept in the commit that records the answer', SKIP, async (t) => {
  const host = await newHost(t);
  const { backend } = host;
  const key = newKey();
  await record(host, key, 'stored');
  const transact = backend.transact.bind(backend);
  backend.transact = async (act) => {
    const done = await transact(act);
    if (toldOf(host, key) === 1) throw new Error('killed');
    return done;
  };
  await assert.rejects(tell(host.ledger, 0), { message: 'killed' });
  backend.transact = transact;
  assert.equal(toldOf(host, key), 1);
  assert.equal(revisionHere(host), await revisionThere(host));
  await live(host.ledger, false);
  assert.equal(revisionHere(host), await revisionThere(host));
  assert.equal((await ask(host.ledger, [question(newKey())]))!.revision, await revisionThere(host));
});

test(
  'the revision is the time of the database: one that was restored does not count up to it again',
  SKIP,
  async (t) => {
    const host = await newHost(t);
    for (const act of [() => live(host.ledger, false), () => ask(host.ledger, [question(newKey())])]) {
      await act();
      const before = await revisionThere(host);
      const fromMs = Date.now();
      await until('20 ms are over', () => Date.now() - fromMs > 20);
      await act();
      const rise = (await revisionThere(host)) - before;
      assert.ok(rise >= 20_000, `${rise} µs`);
    }
  },
);

test(
  'a question that is cut is asked with a newer number, and not where PostgreSQL has become older',
  SKIP,
  async (t) => {
    const host = await newHost(t);
    const key = newKey();
    await record(host, key, 'carried');
    const sent: number[] = [];
    beforeStatement(host, "'carried', a.size", async (values) => {
      sent.push(values.at(-1) as number);
      return cut();
    });
    const { seq } = (await ask(host.ledger, [question(key)]))!;
    assert.ok(seq > sent[0]!);
    assert.equal(Number((await rowOf(host, key))!.asked), seq);
    const other = newKey();
    const second = secondWorker(t, host);
    beforeStatement(host, "'carried', a.size", async () => {
      await change(host, 'revision = 1');
      // Another worker finds that first, and enters.
      assert.equal(await ask(second, [question(newKey())]), undefined);
      return cut();
    });
    assert.equal(await ask(host.ledger, [question(other)]), undefined);
    assert.equal(await rowOf(host, other), undefined);
  },
);

test('a page that is cut is read again: what was withdrawn meanwhile is told as withdrawn', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  beforeStatement(host, 'a.ingest_id', async () => {
    await host.backend.transact((tx) => tx.run("UPDATE contents SET state = 'withdrawn', told = 0"));
    return cut();
  });
  await tell(host.ledger, 0);
  assert.deepEqual([(await rowOf(host, key))!.state, toldOf(host, key)], ['withdrawn', 1]);
});

test('what the heir of a discarded file carries is explained by its content, whoever asked', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'carried');
  const { seq, ours } = (await ask(host.ledger, [question(key)]))!;
  assert.ok(ours.has(keyOf(key)));
  await host.backend.transact((tx) => tx.run("UPDATE contents SET asked = ?, carrier = 'HEIR'", seq));
  await compareCarried(host.ledger, undefined);
  assert.equal((await rowOf(host, key))?.state, 'carried');
});

test('a page that comes late takes no row of another host: its content may be withdrawn by then', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const key = newKey();
  for (const host of [a, b]) {
    await record(host, key, 'stored');
    await host.toldAll();
  }
  const withdraw = async (host: Host, ledger: SharedLedger): Promise<void> => {
    await set(host, key, "state = 'withdrawn', told = 0");
    await tell(ledger, 0);
  };
  const second = secondWorker(t, a);
  await set(a, key, 'told = 0');
  beforeStatement(a, 'a.ingest_id', async () => {
    await withdraw(a, second);
    // The content is b's now.
    await tellConflictsAgain(b.ledger, undefined);
    await b.toldAll();
    await withdraw(b, b.ledger);
  });
  await a.toldAll();
  const row = await rowOf(a, key);
  assert.deepEqual([row!.host, row!.state, toldOf(a, key)], [b.id, 'withdrawn', 1]);
});

test('a page that comes late adds no row: its content may be withdrawn by then', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  const second = secondWorker(t, host);
  beforeStatement(host, 'a.ingest_id', () => ask(second, [question(newKey())]));
  await tell(host.ledger, 0);
  assert.deepEqual([await rowOf(host, key), toldOf(host, key)], [undefined, 0]);
  await host.toldAll();
  assert.deepEqual([(await rowOf(host, key))!.state, toldOf(host, key)], ['stored', 1]);
});

test('a page that comes late writes the rows of its host', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await ask(host.ledger, [question(key)]);
  await record(host, key, 'stored');
  const second = secondWorker(t, host);
  beforeStatement(host, 'a.ingest_id', () => ask(second, [question(newKey())]));
  await tell(host.ledger, 0);
  assert.deepEqual([(await rowOf(host, key))!.state, toldOf(host, key)], ['stored', 1]);
});
