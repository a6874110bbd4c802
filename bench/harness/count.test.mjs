/** The counter of transactions counts those that SQLite really makes, in both of its journal modes, and no others. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { canTrace, syncsAndTransactions, tally, traced } from './count.mjs';

const WRITES = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('PRAGMA journal_mode=' + sys.argv[2])
db.execute('CREATE TABLE t (n)')
for n in range(int(sys.argv[3])):
    db.execute('BEGIN')
    db.execute('INSERT INTO t VALUES (1)')
    db.execute('INSERT INTO t VALUES (2)')
    db.execute('COMMIT')
    db.execute('SELECT count(*) FROM t').fetchall()
`;
const skip =
  canTrace() && spawnSync('python3', ['--version']).status === 0 ? false : 'strace or python3 is not to be had here';

async function counted(mode, transactions) {
  const base = mkdtempSync(join(os.tmpdir(), 'bench-count-'));
  const args = ['-c', WRITES, join(base, 'x.db'), mode, `${transactions}`];
  const command = traced({ file: 'python3', args }, { base }, syncsAndTransactions);
  assert.equal(spawnSync(command.file, command.args).status, 0);
  const tallied = await tally({ base }, syncsAndTransactions);
  rmSync(base, { recursive: true });
  return tallied;
}

// Opening and closing take locks too: the difference of two runs is what is counted.
for (const mode of ['WAL', 'DELETE'])
  test(`twenty more transactions of two inserts each are twenty, journal mode ${mode}`, { skip }, async () => {
    const [few, more] = [await counted(mode, 20), await counted(mode, 40)];
    assert.equal(more.transactions - few.transactions, 20);
    assert(more.syncs - few.syncs >= 20);
  });
