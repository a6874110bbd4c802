/**
 * Finds errors in the index from hashes to contents (src/ingest/ledger/hashes.ts): one name for each.
 */
import type { Rows } from '../../queue/sqlite/rows.js';
import { mayBeOld } from '../../src/ingest/ledger/hash-filter.js';

const HASHES = 'SELECT * FROM hashes_new UNION ALL SELECT * FROM hashes_mid UNION ALL SELECT * FROM hashes_old';
const FIRST = 'SELECT substr(sha256, 1, 6) AS head, row FROM contents WHERE generation = 1';
const OFF = `SELECT row FROM (SELECT head, row, 1 AS n FROM (${HASHES}) UNION ALL SELECT head, row, -1 FROM (${FIRST}))
  GROUP BY head, row HAVING sum(n) <> 0`;
const TWICE = 'SELECT max(row) FROM contents GROUP BY feed, sha256, generation HAVING count(*) > 1';

const isThere = (rows: Rows, table: string): boolean =>
  rows.get('SELECT 1 FROM sqlite_schema WHERE name = ?', table) !== undefined;

/** For all feeds. */
export function hashesOff(rows: Rows): string[] {
  // A state that is being created does not have all of its tables yet.
  if (!isThere(rows, 'hash_filter')) return [];
  rows.run('BEGIN'); // one moment for all queries
  try {
    const off = [...rows.arrays(OFF), ...rows.arrays(TWICE)].map(([row]) => `row ${row}`);
    const old = rows.arrays('SELECT head FROM hashes_old UNION ALL SELECT sha256 FROM pruned') as [Buffer][];
    const passed = old.filter(([hash]) => !mayBeOld(rows, hash));
    return [...off, ...passed.map(([hash]) => `the old hash ${hash.toString('hex')}`)];
  } finally {
    rows.run('COMMIT');
  }
}

const PRUNED = `SELECT lower(hex(p.sha256)) FROM pruned_feeds f JOIN pruned p ON p.feed = f.number WHERE f.feed = ?`;

/** For one feed. */
export const prunedOf = (rows: Rows, feed: string): Set<string> =>
  new Set(isThere(rows, 'pruned') ? (rows.arrays(PRUNED, feed) as [string][]).map(([sha256]) => sha256) : []);
