/**
 * The sentences of the protocol, one by one. Each test fails where its sentence is left out of the product.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharingHost } from '../../src/ingest/ledger/host.js';
import { ask } from '../../src/ingest/sharing/ask.js';
import { join } from '../../src/ingest/sharing/join.js';
import { compareCarried, SharingRounds, tell, tellConflictsAgain } from '../../src/ingest/sharing/rounds.js';
import { SharedLedger } from '../../src/ingest/sharing/shared-ledger.js';
import { makeTables } from '../../src/shared-ledger/schema.js';
import { type Key, keyOf } from '../../src/shared-ledger/statements.js';
import {
  beforeStatement,
  change,
  hasConflict,
  insertRows,
  newHost,
  newKey,
  noting,
  question,
  record,
  refused,
  rowOf,
  SKIP,
  secondWorker,
  server,
  set,
  toldOf,
} from '../world/sharing-host.js';
import { until } from '../world/waiting.js';

test('a statement from another place writes nothing, and its process asks no more', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'carried');
  await ask(host.ledger, [question(newKey())]);
  await change(host, "place = 'elsewhere'");
  await assert.rejects(ask(host.ledger, [question(key)]), refused('host_replaced'));
  await change(host, `place = 'here again'`);
  await assert.rejects(ask(host.ledger, [question(key)]), refused('host_replaced'));
  assert.equal(await rowOf(host, key), undefined);
});

test('a database that is older gets everything again before anything is asked', SKIP, async (t) => {
  const host = await newHost(t);
  const [stored, carried] = [newKey(), newKey()];
  await record(host, stored, 'stored');
  await record(host, carried, 'carried');
  await host.toldAll();
  assert.ok((await ask(host.ledger, [question(carried)]))!.ours.has(keyOf(carried)));
  const { since, revision } = host.backend.read(sharingHost)!;
  await change(host, 'revision = 1');
  await host.ledger.shared.rows('DELETE FROM contents WHERE host = $1', [host.id]);
  assert.equal(await ask(host.ledger, [question(carried)]), undefined, 'nothing is asked');
  const now = host.backend.read(sharingHost)!;
  assert.ok(now.since > since && now.cursor === 0);
  assert.ok(now.revision > revision, 'it rises above all that was ever answered');
  await host.toldAll();
  assert.equal((await rowOf(host, stored))?.state, 'stored');
  assert.ok(host.backend.read(sharingHost)!.since > 0 && (await ask(host.ledger, [question(carried)])));
});

test('the place in a database that is older is of then: it is watched, not believed', SKIP, async (t) => {
  const host = await newHost(t);
  await change(host, "place = 'where it was then', revision = 1");
  await assert.rejects(ask(host.ledger, [question(newKey())]), refused('host_watched'));
});

test('a state that is older than what it said is refused', SKIP, async (t) => {
  const host = await newHost(t);
  await change(host, 'seq = seq + 100');
  await assert.rejects(ask(host.ledger, [question(newKey())]), refused('state_older'));
});

test('the number of a question and of a page is kept before it is sent', SKIP, async (t) => {
  const host = await newHost(t);
  const seen: [number, number][] = [];
  const see = async (values: readonly unknown[]): Promise<void> => {
    seen.push([values.at(-1) as number, host.backend.read(sharingHost)!.seq]);
  };
  beforeStatement(host, "'carried', a.size", see);
  const { seq } = (await ask(host.ledger, [question(newKey())]))!;
  assert.deepEqual(seen, [[seq, seq]]);
  await record(host, newKey(), 'stored');
  await host.toldAll();
  assert.equal(host.backend.read(sharingHost)!.seq, seq + 1);
});

test('asking twice answers the same, and puts the newer number there', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'carried');
  for (let n = 0; n < 2; n++) {
    const answers = (await ask(host.ledger, [question(key)]))!;
    assert.ok(answers.ours.has(keyOf(key)));
    assert.equal(Number((await rowOf(host, key))!.asked), answers.seq);
  }
});

test('a carried row that nothing explains is given up, unless somebody asked meanwhile', SKIP, async (t) => {
  const host = await newHost(t);
  const [left, again, open, ended] = [newKey(), newKey(), newKey(), newKey()];
  await ask(host.ledger, [left, again, open, ended].map(question));
  await record(host, open, 'carried');
  await record(host, ended, 'stored');
  beforeStatement(host, 'DELETE FROM contents', () => ask(host.ledger, [question(again)]));
  await compareCarried(host.ledger, undefined);
  assert.equal(await rowOf(host, left), undefined);
  for (const key of [again, open, ended]) assert.equal((await rowOf(host, key))?.state, 'carried');
});

test('an end that a failover lost, while its answer was recorded here, is told again', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  await host.toldAll();
  await host.ledger.shared.rows("UPDATE contents SET state = 'carried' WHERE host = $1", [host.id]);
  await new SharingRounds(host.ledger, false).round();
  assert.equal((await rowOf(host, key))?.state, 'stored');
});

test(
  'a round gives up a page of what nothing explains, and the last one of a run from cron all of it',
  SKIP,
  async (t) => {
    const host = await newHost(t);
    await insertRows(host, 'carried', 2_500);
    const leftAfter = async (rounds: SharingRounds, isLast: boolean): Promise<number> => {
      await rounds.round(isLast);
      return (await host.ledger.shared.rows('SELECT 1 FROM contents WHERE host = $1', [host.id])).length;
    };
    assert.equal(await leftAfter(new SharingRounds(host.ledger, false), false), 1_500);
    assert.equal(await leftAfter(new SharingRounds(host.ledger, false), true), 500, 'a service ends without delay');
    // Within ten seconds of its first round no page is due, and the last round reads all the same.
    const run = new SharingRounds(host.ledger, true);
    assert.equal(await leftAfter(run, true), 0);
    await insertRows(host, 'carried', 2_500);
    assert.equal(await leftAfter(run, true), 0);
  },
);

test('a withdrawn content is never stored again, and its time stays', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  await host.toldAll();
  const { at } = (await rowOf(host, key))!;
  await set(host, key, "state = 'withdrawn', told = 0, ingested_at_ms = ingested_at_ms - 60000");
  await host.toldAll();
  assert.deepEqual([(await rowOf(host, key))!.state, (await rowOf(host, key))!.at], ['withdrawn', at]);
  await set(host, key, "state = 'stored', told = 0");
  await host.toldAll();
  assert.equal((await rowOf(host, key))!.state, 'withdrawn');
});

test('an end that changed while it was sent is told again', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  beforeStatement(host, 'a.ingest_id', () => set(host, key, "state = 'withdrawn', told = 0"));
  await tell(host.ledger, 0);
  assert.equal(toldOf(host, key), 0);
  await host.toldAll();
  assert.equal((await rowOf(host, key))!.state, 'withdrawn');
});

test('the answer to a page is not recorded where everything was begun again meanwhile', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  beforeStatement(host, 'a.ingest_id', () =>
    host.backend.transact((tx) => tx.run('UPDATE host SET seq = seq + 1, since = seq + 1, cursor = 0')),
  );
  await tell(host.ledger, 0);
  assert.deepEqual([toldOf(host, key), host.backend.read(sharingHost)!.cursor], [0, 0]);
});

test('a page that is lost is sent again', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await record(host, key, 'stored');
  const lose = async (): Promise<void> => {
    assert.equal(toldOf(host, key), 0);
    throw Object.assign(new Error('lost'), { lost: true });
  };
  beforeStatement(host, 'a.ingest_id', lose);
  await assert.rejects(tell(host.ledger, 0), { message: 'lost' });
  assert.equal(toldOf(host, key), 0);
  await host.toldAll();
  assert.equal(toldOf(host, key), 1);
});

test('what another host has stored stays its own: a conflict, until one of the two withdraws it', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const key = newKey();
  await record(a, key, 'stored');
  await a.toldAll();
  await record(b, key, 'stored');
  await b.toldAll();
  assert.equal((await rowOf(a, key))!.host, a.id);
  assert.ok(await hasConflict(b, key));
  await set(a, key, "state = 'withdrawn', told = 0");
  await a.toldAll();
  await tellConflictsAgain(b.ledger, undefined);
  await b.toldAll();
  assert.deepEqual([(await rowOf(a, key))!.host, (await rowOf(a, key))!.state], [b.id, 'stored']);
  assert.ok(!(await hasConflict(b, key)));
});

test('conflicts are looked through by pages, however many there are', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const key = newKey();
  for (const host of [a, b]) {
    await record(host, key, 'stored');
    await host.toldAll();
  }
  await set(a, key, "state = 'withdrawn', told = 0");
  await a.toldAll();
  // As two hosts have them that had the same files before they joined. All have smaller keys.
  await b.ledger.shared.rows(
    `INSERT INTO conflicts (sha256, feed, generation, host, before_join)
     SELECT decode(lpad('', 56, '0') || lpad(to_hex(n), 8, '0'), 'hex'), 'a feed before', 1, $1, true FROM generate_series(1, 2500) AS n`,
    [b.id],
  );
  let pages = 0;
  for (let after: Key | undefined, isLast = false; !isLast; pages++) {
    after = await tellConflictsAgain(b.ledger, after);
    isLast = after === undefined;
  }
  assert.equal(pages, 3);
  assert.equal(toldOf(b, key), 0, 'the last one of them is told again');
});

test(
  'what was stored after the first join is a conflict, also where PostgreSQL has lost that join',
  SKIP,
  async (t) => {
    const [a, b] = [await newHost(t), await newHost(t)];
    const key = newKey();
    for (const table of ['contents', 'conflicts'])
      await a.ledger.shared.rows(`DELETE FROM ${table} WHERE host = $1`, [a.id]);
    await a.ledger.shared.rows('DELETE FROM hosts WHERE id = $1', [a.id]);
    for (const host of [b, a]) await record(host, key, 'stored');
    await b.toldAll();
    const joining = { backend: a.backend, statePath: a.ledger.statePath, shared: a.ledger.shared };
    await join({ ...joining, takeOver: false, isSure: false }, a.name);
    const again = new SharedLedger(a.backend, a.ledger.statePath, server.url, () => {});
    t.after(() => again.close());
    for (let next: number | undefined = 0; next !== undefined; ) next = await tell(again, next);
    const [conflict] = await again.shared.rows<{ before: boolean }>(
      'SELECT before_join AS before FROM conflicts WHERE host = $1',
      [a.id],
    );
    assert.equal(conflict?.before, false);
  },
);

test('a state without a past that takes over a lost host can free what that one had stored', SKIP, async (t) => {
  const [lost, b] = [await newHost(t), await newHost(t)];
  const key = newKey();
  await record(lost, key, 'stored');
  await lost.toldAll();
  await b.backend.transact((tx) => tx.run('DELETE FROM host'));
  const sent: string[] = [];
  const joining = { backend: b.backend, statePath: b.ledger.statePath, shared: noting(b, sent), takeOver: true };
  await assert.rejects(join({ ...joining, isSure: false }, lost.name), /after 3600 s of silence/);
  await change(lost, "seen_at = now() - interval '2 hours'");
  const unknown = await join({ ...joining, isSure: false }, lost.name);
  assert.deepEqual([unknown.count, unknown.some.map(keyOf)], [1, [keyOf(key)]]);
  assert.equal(b.backend.read(sharingHost)!.id, lost.id);
  await insertRows(lost, 'stored', 2_500);
  sent.length = 0;
  const { count, some } = await join({ ...joining, isSure: true }, lost.name);
  assert.deepEqual([count, some.length], [2_501, 10]);
  assert.equal(await rowOf(b, key), undefined);
  const acts = sent.flatMap((text) => /FROM contents o\b|DELETE FROM contents/.exec(text)?.[0].slice(0, 4) ?? []);
  assert.deepEqual(acts.slice(0, 4), ['FROM', 'DELE', 'FROM', 'DELE'], 'a page is freed before the next one is read');
  assert.equal((await join({ ...joining, isSure: false }, lost.name)).count, 0);
});

test('a host with few contents joins a large ledger by short statements, and a new one by none', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const key = { ...newKey(), sha256: Buffer.alloc(32, 255) };
  await record(a, key, 'stored');
  await a.toldAll();
  await insertRows(b, 'stored', 2_500);
  const sent: string[] = [];
  const joining = { backend: a.backend, statePath: a.ledger.statePath, shared: noting(a, sent), takeOver: false };
  const looks = () => sent.splice(0).filter((text) => /FROM (contents|conflicts) o\b/.test(text)).length;
  await a.backend.transact((tx) => tx.run('DELETE FROM contents'));
  const { some } = await join({ ...joining, isSure: true }, a.name);
  assert.deepEqual(some.map(keyOf), [keyOf(key)]);
  assert.ok(looks() >= 4, 'of conflicts a page, of contents three and more');
  await join({ ...joining, isSure: false }, `${a.name}-copy`);
  assert.equal(looks(), 0);
});

test('who joins waits for another host that makes the tables, however long that takes', SKIP, async (t) => {
  const [maker, host] = [await newHost(t), await newHost(t)];
  await host.ledger.shared.rows("ALTER ROLE ingest SET statement_timeout = '1s'");
  const short = secondWorker(t, host).shared;
  t.after(() => maker.ledger.shared.rows('ALTER ROLE ingest RESET statement_timeout'));
  const making = maker.ledger.shared.rows('SELECT pg_advisory_xact_lock(7239461); SELECT pg_sleep(16)', [], 60_000);
  await until('it makes them', async () => {
    const rows = await maker.ledger.shared.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted");
    return rows.length > 0;
  });
  await makeTables(short);
  await making;
});

test('what another host only carries stays untold, until that host is forgotten', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const key = newKey();
  await record(a, key, 'carried');
  await ask(a.ledger, [question(key)]);
  await record(b, key, 'stored');
  await b.toldAll();
  assert.deepEqual([(await rowOf(a, key))!.host, toldOf(b, key)], [a.id, 0]);
  await change(a, 'place = NULL');
  for (let n = 0; n < 2; n++) await b.toldAll();
  assert.deepEqual([(await rowOf(b, key))!.host, toldOf(b, key)], [b.id, 1]);
});

test('a newer generation keeps an older one from being asked for', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const key = newKey();
  const second = { ...key, generation: 2 };
  await record(a, second, 'stored');
  await a.toldAll();
  const { ours, newest } = (await ask(b.ledger, [question(key)]))!;
  assert.deepEqual([ours.size, [...newest.values()][0]?.generation], [0, 2]);
});

test('join frees what the ledger has as stored here, also as a conflict, and this state has not', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const [mine, both, known] = [newKey(), newKey(), newKey()];
  for (const key of [mine, known]) await record(a, key, 'stored');
  await a.toldAll();
  await record(b, both, 'stored');
  await b.toldAll();
  await record(a, both, 'stored');
  await a.toldAll();
  await a.backend.transact((tx) => tx.run('DELETE FROM contents WHERE sha256 IN (?, ?)', mine.sha256, both.sha256));
  // An open content is no end.
  await record(a, mine, 'carried');
  const statePath = a.ledger.statePath;
  const joining = { backend: a.backend, statePath, shared: a.ledger.shared, takeOver: false };
  const { some } = await join({ ...joining, isSure: false }, a.name);
  assert.deepEqual(some.map(keyOf).sort(), [mine, both].map(keyOf).sort());
  await join({ ...joining, isSure: true }, a.name);
  assert.equal(await rowOf(a, mine), undefined);
  assert.equal((await rowOf(a, both))!.host, b.id);
  assert.ok(!(await hasConflict(a, both)));
  assert.equal((await rowOf(a, known))!.state, 'stored');
});

test('nothing is asked or told while a join is not finished', SKIP, async (t) => {
  const host = await newHost(t);
  await host.backend.transact((tx) => tx.run('UPDATE host SET cursor = -1'));
  await assert.rejects(ask(host.ledger, [question(newKey())]), refused('host_not_joined')).catch(() => {});
  const other = new SharedLedger(host.backend, host.ledger.statePath, server.url, () => {});
  t.after(() => other.close());
  await assert.rejects(ask(other, [question(newKey())]), refused('host_not_joined'));
  await assert.rejects(tell(other, 0), refused('host_not_joined'));
});
