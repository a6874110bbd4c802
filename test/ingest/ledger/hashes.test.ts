/**
 * The index from a hash to its row: every content is found, whatever happened before, and the work of a transaction is bounded
 * by its new contents.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openQueue } from '../../../queue/index.js';
import { Rows } from '../../../queue/sqlite/rows.js';
import { STAGE_NAMES } from '../../../src/base/config/values/stage-names.js';
import { alarmsModule } from '../../../src/ingest/ledger/alarms-schema.js';
import { contentByHash, contentOfGeneration } from '../../../src/ingest/ledger/content.js';
import { exceptionsModule } from '../../../src/ingest/ledger/exceptions.js';
import { contains, encoded, mayBeOld, noteOld, valuesOf } from '../../../src/ingest/ledger/hash-filter.js';
import { forgetHashes, noteHash, oldRows, youngRows } from '../../../src/ingest/ledger/hashes.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { periodsModule } from '../../../src/ingest/ledger/periods-schema.js';
import { prunedModule } from '../../../src/ingest/ledger/pruned.js';
import { ledgerModule } from '../../../src/ingest/ledger/schema.js';
import { host } from '../../../src/linux/index.js';
import { dice } from '../../crash/dice.js';
import { readDatabase } from '../../world/database.js';
import { ledgerAlone } from '../../world/state-by-hand.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const digest = (n: number): Buffer => createHash('sha256').update(`${n}`).digest();
const contentAt = (row: number) => ({ sha256: digest(row), generation: 1 });
const LEVELS = ['hashes_new', 'hashes_mid', 'hashes_old'];

/** The tables alone, without a state file. */
function inMemory(t: TestContext) {
  const db = ledgerAlone();
  t.after(() => db.close());
  const rows = new Rows(db);
  const sizes = (): number[] => LEVELS.map((level) => rows.get<{ n: number }>(`SELECT count(*) AS n FROM ${level}`)!.n);
  return { db, rows, sizes };
}

const rowsByHash = (rows: Rows, sha256: Buffer): number[] => [
  ...youngRows(rows, sha256),
  ...(mayBeOld(rows, sha256) ? oldRows(rows, sha256) : []),
];

const ALL = LEVELS.map((level) => `SELECT head, row FROM ${level}`).join(' UNION ALL ');

test(`each hash finds its row, wherever the hands are, through roll-backs and gaps; SEED=${SEED}`, (t) => {
  const { db, rows } = inMemory(t);
  const below = dice(String(SEED));
  const known = new Map<number, Buffer>();
  let row = 1 + below(2 ** 21);
  for (let round = 0; round < 60; round++) {
    const before = { row, known: new Map(known) };
    db.exec('BEGIN');
    for (let n = below(1_000); n >= 0; n--) {
      row += below(50) === 0 ? 1 + below(200) : 1; // a number that was given up
      noteHash(rows, contentAt(row), row);
      known.set(row, digest(row));
    }
    const rowsKnown = [...known.keys()];
    const gone = Array.from({ length: below(5) }, () => rowsKnown[below(rowsKnown.length)]!).map((at) => ({
      row: at,
      sha256: digest(at),
    }));
    forgetHashes(rows, gone);
    for (const { row: at } of gone) known.delete(at);
    if (below(5) > 0) db.exec('COMMIT');
    else {
      db.exec('ROLLBACK');
      row = before.row;
      known.clear();
      for (const [at, sha256] of before.known) known.set(at, sha256);
    }
  }
  for (const [row, sha256] of known) assert.deepEqual(rowsByHash(rows, sha256), [row]);
  assert.equal(db.prepare(`SELECT count(*) FROM (${ALL})`).pluck().get(), known.size);
  assert.ok(known.size > 100, 'there was something to find');
});

test('the first two stay as small as they are meant to be, and no content moves more than a few', (t) => {
  const { db, rows, sizes } = inMemory(t);
  let moved = 0;
  const counting = {
    arrays: (sql: string, ...params: unknown[]) => rows.arrays(sql, ...params),
    run: (sql: string, ...params: unknown[]) => {
      const answer = rows.run(sql, ...params);
      if (/^INSERT INTO \w+ SELECT/.test(sql)) moved = Math.max(moved, answer.changes);
      return answer;
    },
  };
  db.exec('BEGIN');
  for (let row = 1; row <= 100_000; row++) noteHash(counting, contentAt(row), row);
  db.exec('COMMIT');
  const [fresh, mid] = sizes();
  assert.ok(fresh! > 14_000 && fresh! < 19_000, `${fresh} of 16,384`);
  assert.ok(mid! > 70_000, `${mid}`);
  assert.ok(moved > 30 && moved < 160, `${moved} for 64 contents`);
});

test('a thousand contents on top of 300,000 dirty a fraction of a page each', (t) => {
  const { db, rows } = inMemory(t);
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
    INSERT INTO hashes_mid SELECT randomblob(6) AS head, i FROM n ORDER BY head`);
  const pages = db.prepare("SELECT sum(pageno) FROM dbstat WHERE name = 'hashes_mid' AND aggregate = TRUE").pluck();
  assert.ok((pages.get() as number) > 1_000);
  for (let row = 300_001; row <= 340_000; row++) noteHash(rows, contentAt(row), row);
  const before = contentOf(db);
  for (let row = 340_001; row <= 341_000; row++) noteHash(rows, contentAt(row), row);
  const after = contentOf(db);
  const dirtied = [...after].filter(([page, bytes]) => before.get(page) !== bytes).length;
  assert.ok(dirtied > 50 && dirtied < 450, `${dirtied} pages for 1,000 contents`);
});

/** The content of each page, by its number. */
function contentOf(db: ReturnType<typeof ledgerAlone>): Map<number, string> {
  const bytes = db.serialize();
  const size = db.pragma('page_size', { simple: true }) as number;
  return new Map(
    Array.from({ length: bytes.length / size }, (_, n) => [
      n,
      createHash('md5')
        .update(bytes.subarray(n * size, (n + 1) * size))
        .digest('hex'),
    ]),
  );
}

test(`the filter has what was put in, in as many bytes as it says; SEED=${SEED}`, () => {
  const below = dice(`${SEED} filter`);
  for (const count of [0, 1, 2, 50, 1_220, 6_000]) {
    const values = [...new Set(Array.from({ length: count }, () => below(65_536)))].sort((a, b) => a - b);
    if (count === 2) values.splice(0, 2, 0, 65_535);
    const rests = encoded(Uint16Array.from(values));
    assert.deepEqual([...valuesOf(rests)], values);
    const has = new Set(values);
    for (let value = 0; value < 65_536; value++) assert.equal(contains(rests, value), has.has(value));
    if (count === 1_220) assert.ok(rests.length < 1.2 * values.length, `${rests.length} bytes`);
  }
});

test('what is pruned before the filter is there, while it is young, and after, is found; hardly anything else is looked for', (t) => {
  const { db, rows } = inMemory(t);
  const prune = (at: number): void => {
    db.prepare('INSERT INTO pruned VALUES (?, 0, 0)').run(digest(at));
    noteOld(rows, forgetHashes(rows, [{ row: at, sha256: digest(at) }]));
  };
  const isOldInVain = () => Array.from({ length: 16_384 }, (_, n) => digest(-n)).filter((hash) => mayBeOld(rows, hash));
  assert.deepEqual(isOldInVain(), [], 'in a new state');
  // The state from before the filter.
  db.exec('DELETE FROM hash_filter');
  const first = 2 ** 20;
  for (let row = 1; row <= 500; row++) db.prepare('INSERT INTO pruned VALUES (?, 0, 0)').run(digest(row));
  db.exec('BEGIN');
  for (let row = first; row < first + 100_000; row++) {
    noteHash(rows, contentAt(row), row);
    if (row % 10 === 0) prune(row);
    if (row % 10 === 5 && row > first + 50_000) prune(row - 50_000);
  }
  db.exec('COMMIT');
  const old = db.prepare('SELECT sha256 FROM pruned UNION ALL SELECT head FROM hashes_old').pluck().all() as Buffer[];
  assert.ok(old.length > 15_000);
  assert.deepEqual(
    old.filter((hash) => !mayBeOld(rows, hash)),
    [],
  );
  const buckets = db.prepare('SELECT count(*) FROM hash_filter').pluck().get() as number;
  const inVain = isOldInVain().length;
  const without = 16_384 - buckets;
  assert.ok(buckets > 1_400 && Math.abs(inVain - without) < 400, `${inVain}, and ${without} buckets are not there yet`);
});

/** The tables of the build before this index. */
const BEFORE = [ledgerModule, exceptionsModule, periodsModule, alarmsModule, prunedModule];
const OLD_CONTENT = `INSERT INTO contents (feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal,
  created_at_ms, updated_at_ms) VALUES (?, ?, ?, 'stored', 'JOB', 1, '1', '2', '3', x'61', 'lease', 0, 0)`;

test('in a state of the build before, each content is found by its feed, hash and generation', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-hashes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const statePath = join(folder, 'state.db');
  const named = { title: 'test', maxAttempts: 8 };
  const older = await openQueue({ path: statePath, host: host(), stages: STAGE_NAMES, modules: BEFORE, ...named });
  await older.transact((tx) => {
    for (let n = 0; n < 3_000; n++) tx.run(OLD_CONTENT, n % 3 === 0 ? 'one' : 'two', digest(n), 1);
    for (const [feed, generation] of [
      ['two', 2],
      ['two', 3],
      ['one', 1],
    ])
      tx.run(OLD_CONTENT, feed, digest(7), generation);
  });
  await older.close();
  const now = await openState({ statePath, ...named });
  const rowsFound = now.read((r) =>
    Array.from({ length: 3_000 }, (_, n) => contentByHash(r, n % 3 === 0 ? 'one' : 'two', digest(n))!),
  );
  assert.deepEqual(
    rowsFound.map(({ row, generation }) => (generation === 1 ? row : `generation ${generation}`)),
    Array.from({ length: 3_000 }, (_, n) => (n === 7 ? 'generation 3' : n + 1)),
  );
  now.read((r) => {
    assert.equal(contentByHash(r, 'one', digest(7))!.row, 3_003);
    assert.equal(contentOfGeneration(r, 'two', digest(7), 1)!.row, 8);
    assert.equal(contentOfGeneration(r, 'two', digest(7), 2)!.row, 3_001);
    assert.equal(contentByHash(r, 'two', digest(3)), undefined, 'of another feed');
  });
  await now.close();
  assert.deepEqual(readDatabase(statePath, 'one')!.hashesOff, []);
});

test('a second row of a content that is on its way is refused by the database; one of another generation or feed is not', (t) => {
  const { db } = inMemory(t);
  const insert = db.prepare(OLD_CONTENT.replace("'stored'", '?'));
  const again = (feed: string, generation: number, state: string) => insert.run(feed, digest(1), generation, state);
  again('one', 1, 'carried');
  assert.throws(() => again('one', 1, 'manifested'), /UNIQUE constraint failed/);
  again('one', 2, 'carried');
  again('two', 1, 'carried');
  db.exec("UPDATE contents SET state = 'stored'");
  again('one', 3, 'carried');
});
