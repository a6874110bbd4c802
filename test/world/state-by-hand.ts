/**
 * A state as the ingestor leaves it, for files that `store` and `putAway` handled by hand: real tables, rows written by
 * a test.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { QUEUE_MIGRATIONS } from '../../queue/sqlite/schema.js';
import { outputsModule } from '../../src/ingest/chains/recorded-outputs.js';
import { contentsModule } from '../../src/ingest/ledger/contents-schema.js';
import { exceptionsModule } from '../../src/ingest/ledger/exceptions.js';
import { namesModule } from '../../src/ingest/ledger/names.js';
import { prunedModule } from '../../src/ingest/ledger/pruned.js';
import { ledgerModule, replacedModule } from '../../src/ingest/ledger/schema.js';
import { bytesOfName } from '../../src/linux/names.js';
import { countAnew } from '../queue/sqlite/depths-off.js';
import { DAY } from './by-hand.js';
import type { Dropped } from './dropping.js';
import type { World } from './world.js';

const MODULES = [
  { migrations: QUEUE_MIGRATIONS },
  ledgerModule,
  exceptionsModule,
  prunedModule,
  replacedModule,
  outputsModule,
  contentsModule,
  namesModule,
];

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
      `INSERT INTO contents (feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal, target,
         hour, ingest_id, ingested_at_ms, created_at_ms, updated_at_ms)
       VALUES ('default', ?, 1, ?, ?, ?, '1', '2', '3', ?, 'lease', ?, '2030/01/02/03', ?, 0, 0, 0)`,
    );
    const target = Buffer.from(`${DAY}/${dropped.name}`, 'latin1');
    const { lastInsertRowid } = insert.run(
      Buffer.from(dropped.sha256, 'hex'),
      state,
      carrier,
      dropped.bytes,
      bytesOfName(dropped.name),
      target,
      carrier,
    );
    const row = Number(lastInsertRowid);
    this.db.prepare('INSERT OR IGNORE INTO names VALUES (1, ?, ?, 0)').run(target, row);
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
