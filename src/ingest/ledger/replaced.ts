/**
 * Warehouses that an empty one has replaced (`ingest-ctl replace-warehouse`). The contents that were stored before are, if
 * anywhere, in the old warehouse. Row numbers grow, so the last number at that time divides old contents from new ones.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { Content } from './content.js';

export const replacedModule = {
  name: 'replaced',
  migrations: [
    `
    CREATE TABLE replaced_warehouses (
      feed TEXT NOT NULL,
      -- the last content of the old warehouse
      last_row INTEGER NOT NULL,
      -- the path of the old warehouse
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

/** If nothing was stored since the last replacement, that one already covers this. */
export const noteReplaced = (tx: Tx, feed: string, lastRow: number, path: string): void =>
  void tx.run('INSERT OR IGNORE INTO replaced_warehouses VALUES (?, ?, ?, ?)', feed, lastRow, path, tx.wallMs);

/** The old warehouse in which the content was stored, if that was replaced. */
export const replacedOf = (reader: Reader, { feed, row }: Pick<Content, 'feed' | 'row'>): Replaced | undefined =>
  reader.get<Replaced>(
    `SELECT path, at_ms AS atMs FROM replaced_warehouses WHERE feed = ? AND last_row >= ? ORDER BY last_row LIMIT 1`,
    ...[feed, row],
  );

/** The paths of earlier warehouses of the feed, without the current one. */
export const formerWarehouses = (reader: Reader, feed: string, now: string): string[] =>
  reader
    .all<{ path: string }>('SELECT DISTINCT path FROM replaced_warehouses WHERE feed = ? AND path <> ?', feed, now)
    .map(({ path }) => path);
