/** The ledger's table: one row a content in any state, the columns of each state, and the way there from the version before. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { openQueue } from '../../../queue/index.js';
import { STAGE_NAMES } from '../../../src/base/config/values/stage-names.js';
import { outputsModule } from '../../../src/ingest/chains/recorded-outputs.js';
import { alarmsModule } from '../../../src/ingest/ledger/alarms-schema.js';
import {
  type Content,
  contentByHash,
  contentByRow,
  contentOfGeneration,
  generationsOf,
  insertContent,
  placeOf,
} from '../../../src/ingest/ledger/content.js';
import { STATE_COLUMNS } from '../../../src/ingest/ledger/contents-schema.js';
import { exceptionsModule, exceptionsOf } from '../../../src/ingest/ledger/exceptions.js';
import { formerWarehouses, givenAt, hasLeft, replacedOf, warehouseOf } from '../../../src/ingest/ledger/names.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { periodsModule } from '../../../src/ingest/ledger/periods-schema.js';
import { prunedModule } from '../../../src/ingest/ledger/pruned.js';
import { ledgerModule, replacedModule } from '../../../src/ingest/ledger/schema.js';
import { host, nameOfText } from '../../../src/linux/index.js';
import { inPackage } from '../../../src/package.js';

const NAMED = { title: 'test', maxAttempts: 8 };
const digest = (n: number): Buffer => createHash('sha256').update(`${n}`).digest();

function statePathIn(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-contents-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'state.db');
}

async function stateOf(t: TestContext): Promise<Backend> {
  const backend = await openState({ statePath: statePathIn(t), ...NAMED });
  t.after(() => backend.close());
  return backend;
}

const FILE = {
  size: 1,
  device: '1',
  inode: '2',
  mtimeNs: '3',
  sourcePath: Buffer.from('a.csv'),
  seal: 'lease' as const,
};
const LINE = { hour: '2030/01/02/03', ingestId: 'A', ingestedAtMs: 4 };
const NO_LINE = { target: null, hour: null, ingestId: null, ingestedAtMs: null };
const TARGET = { target: Buffer.from('day/a.csv') };
const ROWS: Record<Content['state'], Partial<Content>> = {
  carried: { carrier: 'A', ...FILE, ...NO_LINE },
  manifested: { carrier: 'A', ...FILE, ...LINE, ...TARGET },
  stored: { carrier: 'A', ...FILE, ...LINE, ...TARGET },
  unconfirmed: { carrier: 'A', ...FILE, ...LINE, target: null },
  withdrawn: { carrier: 'A', ...FILE, ...LINE, ...TARGET },
  learned: { carrier: '', ...FILE, ...NO_LINE },
  elsewhere: { carrier: 'A', ...FILE, ...NO_LINE },
  pruned: { hour: LINE.hour },
};
const COLUMN: Record<string, string> = {
  ...{
    carrier: 'carrier',
    size: 'size',
    device: 'device',
    inode: 'inode',
    mtimeNs: 'mtime_ns',
    sourcePath: 'source_path',
  },
  ...{ seal: 'seal', target: 'target', hour: 'hour', ingestId: 'ingest_id', ingestedAtMs: 'ingested_at_ms' },
};

/** Inserts a row by hand. */
function insert(backend: Backend, state: string, n: number, row: Partial<Content>, generation = 1): Promise<unknown> {
  const columns = Object.keys(COLUMN);
  const names = columns.map((name) => COLUMN[name]).join(', ');
  const values = columns.map((name) => (row as Record<string, unknown>)[name] || null);
  return backend.transact((tx) =>
    tx.run(
      `INSERT INTO contents (feed, sha256, generation, state, ${names}) VALUES ('one', ?, ?, ?${', ?'.repeat(columns.length)})`,
      ...[digest(n), generation, state, ...values],
    ),
  );
}

test('a second row of a content is refused in any state; one of another generation or feed is not', async (t) => {
  const backend = await stateOf(t);
  const states = Object.keys(ROWS) as Content['state'][];
  for (const [n, state] of states.entries()) {
    await insert(backend, state, n, ROWS[state]);
    for (const again of states)
      await assert.rejects(insert(backend, again, n, ROWS[again]), /UNIQUE constraint failed: contents/);
    await insert(backend, 'carried', n, ROWS.carried, 2);
  }
});

test('a state has its own columns: one too few or too many is refused, and so is a state that there is not', async (t) => {
  const backend = await stateOf(t);
  for (const [n, [state, row]] of Object.entries(ROWS).entries()) {
    await insert(backend, state, 2 * n, row);
    for (const name of Object.keys(COLUMN)) {
      const has = (row as Record<string, unknown>)[name];
      const isEither = name === 'target' && (state === 'unconfirmed' || state === 'withdrawn');
      if (isEither) continue;
      const other = has ? null : name === 'seal' ? 'copy' : 1;
      await assert.rejects(
        insert(backend, state, 2 * n + 1, { ...row, [name]: other }),
        /CHECK constraint failed/,
        `${state} ${other === null ? 'without' : 'with'} ${name}`,
      );
    }
  }
  await insert(backend, 'carried', 900, { ...ROWS.carried, ...LINE, ...TARGET });
  await assert.rejects(insert(backend, 'lost', 901, ROWS.stored), /CHECK constraint failed/);
});

test('the states are drawn where the table is made', () => {
  const source = readFileSync(inPackage('src/ingest/ledger/contents-schema.ts'), 'utf8');
  const drawing = source
    .slice(0, source.indexOf('*/'))
    .split('\n')
    .filter((line) => /[─│└]|learned:/.test(line));
  const drawn = new Set(
    drawing
      .join(' ')
      .match(/[a-z]+/g)!
      .filter((word) => word in STATE_COLUMNS),
  );
  assert.deepEqual([...drawn].sort(), Object.keys(STATE_COLUMNS).sort());
});

const BEFORE = [
  ledgerModule,
  exceptionsModule,
  periodsModule,
  alarmsModule,
  prunedModule,
  replacedModule,
  outputsModule,
];
const OLD = `INSERT INTO contents (feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal, target,
    hour, ingest_id, ingested_at_ms, note, created_at_ms, updated_at_ms)
  VALUES ('one', ?, ?, ?, ?, 1, '1', '2', '3', ?, 'lease', ?, ?, ?, ?, ?, 5, 6)`;

/** A state as the version before left it: hashes in trees, pruned contents in a table of their own, notes. */
async function stateBefore(statePath: string): Promise<void> {
  const older = await openQueue({ path: statePath, host: host(), stages: STAGE_NAMES, modules: BEFORE, ...NAMED });
  await older.transact((tx) => {
    const old = (n: number, state: string, note: string | null, { generation = 1, line = true } = {}): void =>
      void tx.run(
        OLD,
        ...[digest(n), generation, state, note === 'learned' ? 'learned' : `J${n}`],
        ...[Buffer.from(note === 'learned' ? `/old/${n}.csv` : `${n}.csv`)],
        ...(line ? [Buffer.from(`day/${n}.csv`), LINE.hour, `J${n}`, 7] : [null, null, null, null]),
        note,
      );
    tx.run('DROP INDEX contents_by_hash');
    tx.run(
      'CREATE TABLE hashes_new (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID',
    );
    old(1, 'carried', null, { line: false });
    old(2, 'carried', null);
    old(3, 'manifested', null);
    old(4, 'stored', null);
    old(5, 'stored', 'unconfirmed');
    old(6, 'stored', 'withdrawn');
    old(7, 'stored', 'learned', { line: false });
    old(8, 'stored', null, { generation: 1 });
    old(8, 'stored', null, { generation: 2 });
    // A second row of one content, and one that was pruned and came back.
    old(4, 'stored', null);
    tx.run('DELETE FROM contents WHERE row = (SELECT max(row) FROM contents)');
    old(4, 'stored', null);
    tx.run("INSERT INTO pruned_feeds VALUES (0, 'one')");
    for (const n of [4, 20, 21])
      tx.run('INSERT INTO pruned VALUES (?, 0, ?)', digest(n), Date.UTC(2030, 0, 2, 3) / 3_600_000);
    tx.run("INSERT INTO roots VALUES ('one', 'manifests', '/m', NULL), ('one', 'warehouse', '/w', 'M')");
    // An empty one has replaced the warehouse at the same path.
    tx.run("INSERT INTO replaced_warehouses VALUES ('one', 5, '/w', 99)");
  });
  await older.close();
}

test('a state of the version before keeps its rows and numbers, and its contents are known as before', async (t) => {
  const statePath = statePathIn(t);
  await stateBefore(statePath);
  const now = await openState({ statePath, ...NAMED });
  t.after(() => now.close());
  const states = now.read((r) => [1, 2, 3, 4, 5, 6, 7, 8].map((n) => contentByHash(r, 'one', digest(n))!));
  assert.deepEqual(
    states.map(({ row, state, generation }) => [row, state, generation]),
    [
      [1, 'carried', 1],
      [2, 'carried', 1],
      [3, 'manifested', 1],
      [11, 'stored', 2],
      [5, 'unconfirmed', 1],
      [6, 'withdrawn', 1],
      [7, 'learned', 1],
      [9, 'stored', 2],
    ],
  );
  now.read((r) => {
    assert.equal(placeOf(states[6]!), '/old/7.csv');
    assert.equal(states[1]!.target!.toString(), 'day/2.csv');
    assert.deepEqual(
      generationsOf(r, 'one', digest(4)).map(({ row, state }) => [row, state]),
      [
        [4, 'stored'],
        [11, 'stored'],
      ],
    );
    assert.match(exceptionsOf(r, { feed: 'one', sha256: digest(4) })[0]!.why, /second row of this content/);
    const pruned = contentByHash(r, 'one', digest(20))!;
    assert.deepEqual([pruned.state, pruned.hour], ['pruned', LINE.hour]);
    assert.equal(placeOf(pruned), `/m/${LINE.hour}/manifest.jsonl`);
    assert.equal(contentOfGeneration(r, 'one', digest(4), 3), undefined);
    assert.deepEqual(
      r.all(
        "SELECT name FROM sqlite_schema WHERE name GLOB 'hash*' OR name IN ('pruned', 'pruned_feeds') OR name GLOB 'contents_*e'",
      ),
      [],
    );
    assert.equal(r.all('SELECT * FROM ingestion_state').length, 11 - 1, 'without what was pruned');
  });
  const { generation, feed, sha256 } = states[0]!;
  const row = await now.transact((tx) => {
    tx.run('DELETE FROM contents WHERE row > 11');
    return insertContent(tx, { ...states[0]!, feed, sha256: digest(99), generation });
  });
  assert.ok(row > 13, `a number is never given again: ${row}`);
  assert.equal(
    now.read((r) => contentByRow(r, row)!.sha256.equals(digest(99)) && contentByHash(r, 'one', sha256)!.row),
    1,
  );
  assert.ok(existsSync(statePath), 'in its place');
});

test('in a state of the version before the youngest has a name, and each warehouse its own names', async (t) => {
  const statePath = statePathIn(t);
  await stateBefore(statePath);
  const now = await openState({ statePath, ...NAMED });
  t.after(() => now.close());
  now.read((r) => {
    const inUse = warehouseOf(r, 'one')!;
    const holders = [4, 5, 8, 6].map((n) => givenAt(r, inUse, nameOfText(`day/${n}.csv`))?.content);
    assert.deepEqual(holders, [11, undefined, 9, 6]);
    assert.deepEqual(
      [4, 11, 8, 9].map((row) => hasLeft(r, { row, n: 0 })),
      [false, false, true, false],
    );
    assert.deepEqual(replacedOf(r, { row: 4 }), { path: '/w', atMs: 99 });
    assert.equal(replacedOf(r, { row: 11 }), undefined);
    assert.deepEqual(formerWarehouses(r, 'one', '/other'), ['/w']);
  });
});
