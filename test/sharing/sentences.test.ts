/**
 * The sentences of the protocol, one by one, in one process: states of SQLite, a real PostgreSQL, and what comes in between two steps.
 * Each test fails where its sentence is left out of the product.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../../src/base/config/options.js';
import { askLedger } from '../../src/ingest/ledger/ask.js';
import { type ContentState, contentByHash, contentByRow, insertContent } from '../../src/ingest/ledger/content.js';
import { sharingHost } from '../../src/ingest/ledger/host.js';
import { openState } from '../../src/ingest/ledger/open-state.js';
import { type JobFacts, payloadOf } from '../../src/ingest/rules/facts.js';
import { ask } from '../../src/ingest/sharing/ask.js';
import { join } from '../../src/ingest/sharing/join.js';
import { giveUp, tell, tellConflictsAgain } from '../../src/ingest/sharing/rounds.js';
import { SharedLedger } from '../../src/ingest/sharing/shared-ledger.js';
import { share } from '../../src/ingest/stages/share.js';
import { type Batch, ingestJob } from '../../src/ingest/stages/stage.js';
import { type Key, keyOf } from '../../src/shared-ledger/statements.js';
import { Postgres, postgresBinaries } from '../world/postgres.js';

const IS_THERE = postgresBinaries() !== undefined;
const SKIP = IS_THERE
  ? {}
  : { skip: 'PostgreSQL is not installed: the sentences of the shared ledger were not tested' };
const FEED = 'default';

let server: Postgres;
before(async () => {
  // It has the life of this file, not of a test.
  if (IS_THERE) server = (await Postgres.start({ after: () => {} } as unknown as TestContext))!;
});
after(() => server?.remove());

let made = 0;
const newKey = (generation = 1): Key => {
  const sha256 = Buffer.alloc(32);
  sha256.writeUInt32BE(++made);
  return { feed: FEED, sha256, generation };
};

interface Host {
  backend: Backend;
  ledger: SharedLedger;
  id: string;
  name: string;
  /** Ends when nothing is left to be told. */
  toldAll(): Promise<void>;
}

async function newHost(t: TestContext): Promise<Host> {
  const folder = mkdtempSync(joinPath(tmpdir(), 'ingest-sharing-'));
  const statePath = joinPath(folder, 'state.db');
  const backend = await openState({ statePath, title: 'test', maxAttempts: 8 });
  const ledger = new SharedLedger(backend, statePath, server.url, () => {});
  t.after(async () => {
    await ledger.close();
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const name = `host-${++made}`;
  await join({ backend, statePath, shared: ledger.shared, takeOver: false, isSure: false }, name);
  const toldAll = async (): Promise<void> => {
    for (let next: number | undefined = 0; next !== undefined; ) next = await tell(ledger, next);
  };
  await toldAll();
  return { backend, ledger, id: backend.read(sharingHost)!.id, name, toldAll };
}

const FILE = {
  size: 1,
  device: '1',
  inode: '2',
  mtimeNs: '3',
  sourcePath: Buffer.from('a.csv'),
  seal: 'lease' as const,
};
const LINE = {
  hour: '2030/01/02/03',
  ingestId: 'JOB',
  ingestedAtMs: Date.now() - 1_000,
  target: Buffer.from('day/a.csv'),
};
const NO_LINE = { hour: null, ingestId: null, ingestedAtMs: null, target: null };

const record = ({ backend }: Host, key: Key, state: ContentState): Promise<number> =>
  backend.transact((tx) =>
    insertContent(tx, { ...key, state, carrier: 'JOB', ...FILE, ...(state === 'carried' ? NO_LINE : LINE) }),
  );

const set = ({ backend }: Host, key: Key, change: string): Promise<unknown> =>
  backend.transact((tx) => tx.run(`UPDATE contents SET ${change} WHERE sha256 = ?`, key.sha256));

const toldOf = ({ backend }: Host, key: Key): number =>
  backend.read((r) => r.get<{ told: number }>('SELECT told FROM contents WHERE sha256 = ?', key.sha256))!.told;

interface Row {
  host: string;
  state: string;
  asked: string;
  at: Date;
}

const rowOf = async ({ ledger }: Host, { sha256 }: Key): Promise<Row | undefined> =>
  (await ledger.shared.rows<Row>('SELECT host, state, asked, at FROM contents WHERE sha256 = $1', [sha256]))[0];

const change = ({ ledger, id }: Host, what: string): Promise<unknown> =>
  ledger.shared.rows(`UPDATE hosts SET ${what} WHERE id = $1`, [id]);

const hasConflict = async ({ ledger, id }: Host, { sha256 }: Key): Promise<boolean> =>
  (await ledger.shared.rows('SELECT 1 FROM conflicts WHERE host = $1 AND sha256 = $2', [id, sha256])).length > 0;

const question = (key: Key) => ({ ...key, size: 1 });
const refused = (code: string) => ({ name: 'PlaceError', code });

/** Runs `act` before the next statement whose text has these words is sent. */
function beforeStatement({ ledger }: Host, words: string, act: (values: readonly unknown[]) => Promise<unknown>): void {
  const { shared } = ledger;
  const rows = shared.rows.bind(shared);
  shared.rows = async (text: string, values: readonly unknown[] = []) => {
    if (text.includes(words)) {
      shared.rows = rows;
      await act(values);
    }
    return rows(text, values);
  };
}

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
  const { since } = host.backend.read(sharingHost)!;
  await change(host, 'revision = 1');
  await host.ledger.shared.rows('DELETE FROM contents WHERE host = $1', [host.id]);
  assert.equal(await ask(host.ledger, [question(carried)]), undefined, 'nothing is asked');
  const now = host.backend.read(sharingHost)!;
  assert.ok(now.since > since && now.cursor === 0);
  await host.toldAll();
  assert.equal((await rowOf(host, stored))?.state, 'stored');
  assert.ok(host.backend.read(sharingHost)!.since > 0 && (await ask(host.ledger, [question(carried)])));
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
  await giveUp(host.ledger, undefined);
  assert.equal(await rowOf(host, left), undefined);
  for (const key of [again, open, ended]) assert.equal((await rowOf(host, key))?.state, 'carried');
});

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

test('the answer to a page is not recorded where everything was begun anew meanwhile', SKIP, async (t) => {
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
  await tellConflictsAgain(b.ledger);
  await b.toldAll();
  assert.deepEqual([(await rowOf(a, key))!.host, (await rowOf(a, key))!.state], [b.id, 'stored']);
  assert.ok(!(await hasConflict(b, key)));
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
  const { unknown } = await join({ ...joining, isSure: false }, a.name);
  assert.deepEqual(unknown.map(keyOf).sort(), [mine, both].map(keyOf).sort());
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

/** A file of a new content goes through the stage, up to its settlement. */
async function throughShare(host: Host, key: Key) {
  const { backend, ledger } = host;
  await backend.enqueue([
    { feed: FEED, key: Buffer.from(keyOf(key)), identity: keyOf(key), bytes: 5, payload: {}, dueInMs: 0 },
  ]);
  const [claim] = await backend.claim('verify-complete', 1);
  const row = await record(host, key, 'carried');
  const job = ingestJob({ ...claim!, payload: payloadOf({ content: row }) });
  const contents = new Map([[job, backend.read((reader) => contentByRow(reader, row))!]]);
  const feed = { name: FEED, sharedLedger: server.url } as FeedOptions;
  const batch = { backend, feed, emit: () => {}, shared: () => ledger } as unknown as Batch;
  const { verdicts } = await share.run([job], batch, contents);
  const settle = async () => {
    const [answer] = await backend.settle([{ job: claim!, outcome: verdicts[0]!.outcome }]);
    assert.ok(answer!.settled);
    return { outcome: answer!.outcome, content: backend.read((reader) => contentByRow(reader, row))! };
  };
  return settle;
}

test(
  'a content keeps the number of its own question, also where everything is begun anew before that is recorded',
  SKIP,
  async (t) => {
    const host = await newHost(t);
    const settle = await throughShare(host, newKey());
    await host.backend.transact((tx) => tx.run('UPDATE host SET seq = seq + 1, since = seq + 1'));
    const { outcome, content } = await settle();
    assert.equal(outcome.kind, 'advance');
    assert.ok(content.asked > 0 && content.asked < host.backend.read(sharingHost)!.since);
  },
);

test('a smaller generation than the one asked for is no answer', SKIP, async (t) => {
  const [a, b] = [await newHost(t), await newHost(t)];
  const first = newKey();
  const second = { ...first, generation: 2 };
  await record(a, first, 'stored');
  await a.toldAll();
  await ask(a.ledger, [question(second)]);
  beforeStatement(b, 'LATERAL', () => a.ledger.shared.rows('DELETE FROM contents WHERE generation = 2'));
  const { outcome, content } = await (await throughShare(b, second))();
  assert.deepEqual([outcome.kind, content.state, content.generation], ['defer', 'carried', 2]);
});

test('a row of this host with another generation gives its number, and is asked for by it', SKIP, async (t) => {
  const host = await newHost(t);
  const key = newKey();
  await ask(host.ledger, [question({ ...key, generation: 3 })]);
  const { outcome, content } = await (await throughShare(host, key))();
  assert.deepEqual([outcome.kind, content.state, content.generation, content.asked], ['defer', 'carried', 3, 0]);
});

test("another host's answer serves the files that were here by then; a later one asks for itself", async (t) => {
  const folder = mkdtempSync(joinPath(tmpdir(), 'ingest-sharing-'));
  const backend = await openState({ statePath: joinPath(folder, 'state.db'), title: 'test', maxAttempts: 8 });
  t.after(async () => {
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const sha256 = newKey().sha256.toString('hex');
  const facts: JobFacts = { sealed: { identity: '1:2:5:3:4', kind: 'lease' }, sha256 };
  const asked = async (name: string, change?: string) => {
    await backend.enqueue([
      { feed: FEED, key: Buffer.from(name), identity: name, bytes: 5, payload: payloadOf(facts), dueInMs: 0 },
    ]);
    if (change) await backend.transact((tx) => tx.run(change));
    const [job] = await backend.claim('verify-complete', 1);
    const [answer] = await backend.settle([{ job: job!, outcome: (tx, claimed) => askLedger(tx, claimed, facts) }]);
    assert.ok(answer!.settled);
    return answer!.outcome.kind;
  };
  assert.equal(await asked('first'), 'advance');
  const elsewhere = "UPDATE contents SET state = 'elsewhere', updated_at_ms = unixepoch() * 1000";
  assert.equal(await asked('early', `${elsewhere} + 60000`), 'defer');
  assert.equal(await asked('late', `${elsewhere} - 60000`), 'advance');
  const content = backend.read((reader) => contentByHash(reader, FEED, Buffer.from(sha256, 'hex')))!;
  assert.deepEqual([content.state, content.asked], ['carried', 0]);
});
