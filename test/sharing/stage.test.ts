/** Answers of the shared ledger, and what the stage and the local ledger make of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { test } from 'node:test';
import type { FeedOptions } from '../../src/base/config/options.js';
import { askLedger } from '../../src/ingest/ledger/ask.js';
import { contentByHash, contentByRow } from '../../src/ingest/ledger/content.js';
import { sharingHost } from '../../src/ingest/ledger/host.js';
import { openState } from '../../src/ingest/ledger/open-state.js';
import { type JobFacts, payloadOf } from '../../src/ingest/rules/facts.js';
import { ask } from '../../src/ingest/sharing/ask.js';
import { share } from '../../src/ingest/stages/share.js';
import { type Batch, ingestJob } from '../../src/ingest/stages/stage.js';
import { hostOfId } from '../../src/shared-ledger/hosts.js';
import { type Key, keyOf } from '../../src/shared-ledger/statements.js';
import {
  beforeStatement,
  FEED,
  type Host,
  newHost,
  newKey,
  question,
  record,
  SKIP,
  server,
} from '../world/sharing-host.js';

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
  const { verdicts, also } = await share.run([job], batch, contents);
  const settle = async () => {
    const [answer] = await backend.settle([{ job: claim!, outcome: verdicts[0]!.outcome }], undefined, also);
    assert.ok(answer!.settled);
    return { outcome: answer!.outcome, content: backend.read((reader) => contentByRow(reader, row))! };
  };
  return settle;
}

test(
  'a content keeps the number of its own question, also where everything is asked again before that is recorded',
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

test('the revision that came back with an answer is kept by its settlement', SKIP, async (t) => {
  const host = await newHost(t);
  const settle = await throughShare(host, newKey());
  await settle();
  const there = await hostOfId(host.ledger.shared, host.id);
  assert.equal(host.backend.read(sharingHost)!.revision, there!.revision);
});

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
