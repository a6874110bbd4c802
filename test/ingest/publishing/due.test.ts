/** Which hours get their marker in a bucket, and what that question reads: it is asked once a second, and a million contents may be due. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reader } from '../../../queue/backend.js';
import { enterBucket, enterPublications } from '../../../src/ingest/ledger/publications.js';
import { hoursToMark } from '../../../src/ingest/publishing/due.js';
import { Bench } from '../stages/bench.js';

const DUE = '2026/01/01/00';
const DONE = '2026/01/01/01';
const UNSEEN = '2026/01/01/02';

const CONTENT = `INSERT INTO contents (row, feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal,
    target, hour, ingest_id, ingested_at_ms)
  VALUES (?, ?, randomblob(32), 1, ?, 'job', 1, '1', '1', '1', x'61', 'lease', x'61', ?, ?, 0)`;

test('an hour is marked where none of its contents is due; that is found by an index, and not by reading all that is due', async (t) => {
  const bench = await Bench.open({ publish: 's3://one/raw' });
  t.after(() => bench.close());
  const { backend, feed } = bench;
  const options = { ...feed.options, publish: 's3://one/raw' };
  const { name, manifests } = options;
  await backend.transact((tx) => {
    enterBucket(tx, options);
    const states = { [DUE]: 'stored', [DONE]: 'stored', [UNSEEN]: 'unconfirmed' };
    for (const [n, [hour, state]] of Object.entries(states).entries()) {
      const content = { row: n + 1, feed: name };
      tx.run(CONTENT, content.row, name, state, hour, `id-${n}`);
      enterPublications(tx, content, [{ n: 0, key: `key-${n}` }]);
      tx.run("INSERT INTO periods (folder, state, changed_ms) VALUES (?, 'marked', 0)", `${manifests}/${hour}`);
    }
    tx.run("UPDATE publications SET part = 'put' WHERE content = 2");
  });
  const steps: string[] = [];
  const hours = backend.read((reader) => {
    const explaining: Reader = {
      get: (sql, ...params) => reader.get(sql, ...params),
      arrays: (sql, ...params) => reader.arrays(sql, ...params),
      all: (sql, ...params) => {
        const plan = reader.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params);
        steps.push(...plan.map(({ detail }) => detail));
        return reader.all(sql, ...params);
      },
    };
    return hoursToMark(explaining, options);
  });
  assert.deepEqual(hours, [UNSEEN, DONE]);
  // Lines wait in at most a few parts, and markers in at most so many hours.
  assert.deepEqual(
    steps.filter((step) => /^SCAN (?!part_lines|m$|o$)/.test(step)),
    [],
  );
});
