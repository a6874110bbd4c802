/**
 * A state as the ingestor leaves it, for files that `store` and `putAway` handled by hand: real tables, rows written by
 * a test.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Rows } from '../../queue/sqlite/rows.js';
import { QUEUE_MIGRATIONS } from '../../queue/sqlite/schema.js';
import { filterModule } from '../../src/ingest/ledger/hash-filter.js';
import { hashesModule, noteHash } from '../../src/ingest/ledger/hashes.js';
import { prunedModule } from '../../src/ingest/ledger/pruned.js';
import { ledgerModule } from '../../src/ingest/ledger/schema.js';
import { bytesOfName } from '../../src/linux/names.js';
import { countAnew } from '../queue/sqlite/depths-off.js';
import { DAY } from './by-hand.js';
import type { Dropped } from './dropping.js';
import type { World } from './world.js';

const MODULES = [{ migrations: QUEUE_MIGRATIONS }, ledgerModule, prunedModule, hashesModule, filterModule];

/** The tables of the ledger, in memory; its view speaks of jobs, which are not there. */
export function ledgerAlone(): Database.Database {
  const db = new Database(':memory:');
  for (const { migrations } of MODULES.slice(1))
    for (const sql of migrations) db.exec(sql.replace(/CREATE VIEW[\s\S]*?;\n/g, ''));
  return db;
}

export class StateByHand {
  readonly db: Database.Database;

  constructor(readonly world: World) {
    mkdirSync(dirname(world.statePath), { recursive: true });
    this.db = new Database(world.statePath);
    for (const { migrations } of MODULES) for (const sql of migrations) this.db.exec(sql);
  }

  job(
    dropped: Dropped,
    change: { state?: string; stage?: string; ending?: string | null; hold?: string; payload?: object } = {},
  ): string {
    const {
      state = 'done',
      stage = 'move',
      ending = state === 'done' ? 'stored' : null,
      hold = null,
      payload = { sha256: dropped.sha256 },
    } = change;
    const id = `JOB-${dropped.name}-${this.db.prepare('SELECT count(*) FROM jobs').pluck().get()}`;
    this.db
      .prepare(
        `INSERT INTO jobs (id, feed, key, identity, stage, state, due_ms, keyed, bytes, payload, hold_code, ending, created_ms, updated_ms, trail)
         VALUES (?, 'default', ?, '', ?, ?, 0, 0, ?, ?, ?, ?, 0, 0, '[]')`,
      )
      .run(id, bytesOfName(dropped.name), stage, state, dropped.bytes, JSON.stringify(payload), hold, ending);
    countAnew(this.db);
    return id;
  }

  /** The ledger's row of a content. */
  content(dropped: Dropped, carrier: string, state = 'stored'): number {
    const insert = this.db.prepare(
      `INSERT INTO contents (feed, sha256, state, carrier, size, device, inode, mtime_ns, source_path, seal, target, created_at_ms, updated_at_ms)
       VALUES ('default', ?, ?, ?, ?, 1, 2, 3, ?, 'lease', ?, 0, 0)`,
    );
    const target = Buffer.from(`${DAY}/${dropped.name}`, 'latin1');
    const { lastInsertRowid } = insert.run(
      Buffer.from(dropped.sha256, 'hex'),
      state,
      carrier,
      dropped.bytes,
      bytesOfName(dropped.name),
      target,
    );
    const row = Number(lastInsertRowid);
    noteHash(new Rows(this.db), { sha256: Buffer.from(dropped.sha256, 'hex'), generation: 1 }, row);
    if (state !== 'stored')
      this.db.prepare('INSERT INTO reservations VALUES (?, ?)').run(`${DAY}/${dropped.name}`, row);
    return row;
  }

  /** Everything of a stored file. */
  stored(dropped: Dropped): void {
    this.content(dropped, this.job(dropped));
    this.db
      .prepare(
        `INSERT INTO counters VALUES ('default', 'move', 'stored', 1, ?)
         ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes`,
      )
      .run(dropped.bytes);
  }
}

/** An operator or a bad disk changes the state without the queue; nothing runs meanwhile. */
export function alter(world: World, sql: string, ...params: unknown[]): void {
  const db = new Database(world.statePath);
  try {
    db.prepare(sql).run(...params);
    countAnew(db);
  } finally {
    db.close();
  }
}

/** The content of the state, including parts that the oracle does not read. */
export function rowsOf(world: World, sql: string): unknown[] {
  const db = new Database(world.statePath, { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}
