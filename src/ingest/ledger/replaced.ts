/**
 * Warehouses that an empty one has replaced (`ingest-ctl replace-warehouse`): what was stored until then lies, if anywhere, on
 * the former one. Rows are numbered in their order, so the last number of then says of each content whether it is one of these.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { Content } from './content.js';

export const replacedModule = {
  name: 'replaced',
  migrations: [
    `
    CREATE TABLE replaced_warehouses (
      feed TEXT NOT NULL,
      -- of its contents
      last_row INTEGER NOT NULL,
      -- where it was
      path TEXT NOT NULL,
      -- wall clock
      at_ms INTEGER NOT NULL,
      PRIMARY KEY (feed, last_row)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
} as const;

export interface Replaced {
  path: string;
  atMs: number;
}

/** Where nothing was stored since the one before, that one is it. */
export const noteReplaced = (tx: Tx, feed: string, lastRow: number, path: string): void =>
  void tx.run('INSERT OR IGNORE INTO replaced_warehouses VALUES (?, ?, ?, ?)', feed, lastRow, path, tx.wallMs);

/** The warehouse in which the content was stored, where that was replaced. */
export const replacedOf = (reader: Reader, { feed, row }: Pick<Content, 'feed' | 'row'>): Replaced | undefined =>
  reader.get<Replaced>(
    `SELECT path, at_ms AS atMs FROM replaced_warehouses WHERE feed = ? AND last_row >= ? ORDER BY last_row LIMIT 1`,
    ...[feed, row],
  );

/** Where warehouses of the feed were, that of now left out. */
export const formerWarehouses = (reader: Reader, feed: string, now: string): string[] =>
  reader
    .all<{ path: string }>('SELECT DISTINCT path FROM replaced_warehouses WHERE feed = ? AND path <> ?', feed, now)
    .map(({ path }) => path);
