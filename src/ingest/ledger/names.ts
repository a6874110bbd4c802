/**
 * The names that files of contents have in a warehouse: a content's own file (0) and its outputs alike.
 * Guarantees: a name is given once, and the database refuses a second time. It is free only if neither it, nor a folder above it, nor
 * anything below it was given as a file. So whose the file at a path is, is one row. A name stays given when its file has left, until
 * the record of its content is pruned and its day has ended in every time zone.
 * Does not: look at the disk, where files of others may lie.
 * A warehouse is known by its marker: feeds that put their files into one share it, and one that was moved has another path. An empty
 * directory that continues it (`ingest-ctl replace-warehouse`) is a new one, with the same marker.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { Module } from '../../../queue/index.js';
import { foldersOf, WEST_MS } from '../../files/job-paths.js';
import { type ByteName, bytesOfName, nameOfBytes } from '../../linux/index.js';
import type { FileOf } from '../chains/recorded-outputs.js';
import { type Content, UNDER_WAY } from './content.js';

/** The warehouses of the version before, which noted the last row of a content in a replaced one. */
const NUMBER = `coalesce(
      (SELECT w.number FROM replaced_warehouses p JOIN warehouses w ON w.marker = r.marker AND w.replaced_at_ms = p.at_ms
        WHERE p.feed = r.feed AND p.last_row >= c.row ORDER BY p.last_row LIMIT 1),
      (SELECT number FROM warehouses w WHERE w.marker = r.marker AND w.replaced_at_ms IS NULL))`;
const OF_WAREHOUSE = "JOIN roots r ON r.feed = c.feed AND r.kind = 'warehouse' AND r.marker IS NOT NULL";

export const namesModule: Module = {
  name: 'names',
  migrations: [
    `
    CREATE TABLE warehouses (
      number INTEGER PRIMARY KEY,
      marker TEXT NOT NULL,
      path TEXT NOT NULL,
      -- wall clock; NULL: it is in use
      replaced_at_ms INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX warehouses_in_use ON warehouses (marker) WHERE replaced_at_ms IS NULL;
    INSERT INTO warehouses (marker, path) SELECT marker, min(path) FROM roots
      WHERE kind = 'warehouse' AND marker IS NOT NULL GROUP BY marker;
    INSERT INTO warehouses (marker, path, replaced_at_ms) SELECT r.marker, min(p.path), p.at_ms FROM replaced_warehouses p
      JOIN roots r ON r.feed = p.feed AND r.kind = 'warehouse' AND r.marker IS NOT NULL GROUP BY r.marker, p.at_ms;

    CREATE TABLE names (
      warehouse INTEGER NOT NULL,
      target BLOB NOT NULL,
      -- NULL: its record was pruned while its day had not ended
      content INTEGER,
      -- 0: the content's own file; else its output
      n INTEGER NOT NULL,
      PRIMARY KEY (warehouse, target)
    ) STRICT, WITHOUT ROWID;
    -- Several contents of the version before may have had one name, one after the other: the youngest has it.
    INSERT INTO names SELECT warehouse, target, row, n FROM (
        SELECT ${NUMBER} AS warehouse, c.target, c.row, 0 AS n, c.ingested_at_ms AS at
          FROM contents c ${OF_WAREHOUSE} WHERE c.target IS NOT NULL
        UNION ALL
        SELECT ${NUMBER}, o.target, c.row, o.n, c.ingested_at_ms
          FROM outputs o JOIN contents c ON c.row = o.content ${OF_WAREHOUSE} WHERE o.target IS NOT NULL)
      WHERE warehouse IS NOT NULL ORDER BY warehouse, target, at, row
      ON CONFLICT DO UPDATE SET content = excluded.content, n = excluded.n;
    CREATE INDEX names_by_content ON names (content);

    DROP TABLE reservations;
    DROP TABLE names_left;
    DROP TABLE replaced_warehouses;
    -- Planned contents by their hour: few rows at any time.
    CREATE INDEX contents_under_way ON contents (feed, hour) WHERE state = 'carried' OR state = 'manifested';
    `,
  ],
};

/** The number of the warehouse that the feed has now; undefined before it is set up. */
export const warehouseOf = (reader: Reader, feed: string): number | undefined =>
  reader.get<{ number: number }>(
    `SELECT w.number FROM roots r JOIN warehouses w ON w.marker = r.marker AND w.replaced_at_ms IS NULL
      WHERE r.feed = ? AND r.kind = 'warehouse'`,
    feed,
  )?.number;

const IN_USE = 'SELECT number FROM warehouses WHERE marker = ? AND replaced_at_ms IS NULL';

/** Called when the root of a feed is recorded. */
export function enterWarehouse(tx: Tx, marker: string, path: string): void {
  const { changes } = tx.run(
    'UPDATE warehouses SET path = ? WHERE marker = ? AND replaced_at_ms IS NULL',
    path,
    marker,
  );
  if (changes === 0) tx.run('INSERT INTO warehouses (marker, path) VALUES (?, ?)', marker, path);
}

const IS_UNDER_WAY = `content IN (SELECT row FROM contents WHERE ${UNDER_WAY})`;

/**
 * An empty directory at `path` continues the warehouse, also with the files that are not there yet: their names go along. Those of
 * their outputs are forgotten: an output is made in the warehouse, and has stayed in the former one.
 */
export function noteReplaced(tx: Tx, marker: string, path: string): void {
  const before = tx.get<{ number: number }>(IN_USE, marker)?.number ?? null;
  tx.run(`DELETE FROM names WHERE warehouse = ? AND n > 0 AND ${IS_UNDER_WAY}`, before);
  tx.run('UPDATE warehouses SET replaced_at_ms = ? WHERE number = ?', tx.wallMs, before);
  enterWarehouse(tx, marker, path);
  tx.run(`UPDATE names SET warehouse = (${IN_USE}) WHERE warehouse = ? AND ${IS_UNDER_WAY}`, marker, before);
}

/** When the warehouse of the feed was replaced last, in wall-clock ms; 0: never. */
export const lastReplacedMs = (reader: Reader, feed: string): number =>
  reader.get<{ at: number | null }>(
    `SELECT max(w.replaced_at_ms) AS at FROM roots r JOIN warehouses w ON w.marker = r.marker
      WHERE r.feed = ? AND r.kind = 'warehouse'`,
    feed,
  )!.at ?? 0;

export interface Replaced {
  path: string;
  atMs: number;
}

/** The old warehouse in which the content was stored, if that was replaced. */
export const replacedOf = (reader: Reader, { row }: Pick<Content, 'row'>): Replaced | undefined =>
  reader.get<Replaced>(
    `SELECT w.path, w.replaced_at_ms AS atMs FROM names f JOIN warehouses w ON w.number = f.warehouse
      WHERE f.content = ? AND f.n = 0 AND w.replaced_at_ms IS NOT NULL`,
    row,
  );

/** The paths of earlier warehouses of the feed, without the current one. */
export const formerWarehouses = (reader: Reader, feed: string, now: string): string[] =>
  reader
    .all<{ path: string }>(
      `SELECT DISTINCT w.path FROM roots r JOIN warehouses w ON w.marker = r.marker AND w.replaced_at_ms IS NOT NULL
        WHERE r.feed = ? AND r.kind = 'warehouse' AND w.path <> ?`,
      feed,
      now,
    )
    .map(({ path }) => path);

interface Given {
  content: number | null;
  n: number;
}

const GIVEN = 'SELECT content, n FROM names WHERE warehouse = ? AND target = ?';

/** The file that got the name; `content` null: its record was pruned. */
export const givenAt = (reader: Reader, warehouse: number, target: ByteName): Given | undefined =>
  reader.get<Given>(GIVEN, warehouse, bytesOfName(target));

export const isGiven = (reader: Reader, warehouse: number, target: ByteName): boolean =>
  givenAt(reader, warehouse, target) !== undefined;

/** A file below it has a name: it is a folder. `0` is the character after the slash. */
export const isGivenBelow = (reader: Reader, warehouse: number, target: ByteName): boolean =>
  reader.get(
    'SELECT 1 FROM names WHERE warehouse = ? AND target > ? AND target < ? LIMIT 1',
    ...[warehouse, bytesOfName(`${target}/` as ByteName), bytesOfName(`${target}0` as ByteName)],
  ) !== undefined;

/** A name below a folder of a content that was given up, whose job has not put its files away yet. */
export function givenUpBelow(reader: Reader, warehouse: number, folder: ByteName): ByteName | undefined {
  const row = reader.get<{ target: Buffer }>(
    `SELECT target FROM names WHERE warehouse = ? AND target > ? AND target < ? AND content IS NOT NULL
       AND content NOT IN (SELECT row FROM contents) LIMIT 1`,
    ...[warehouse, bytesOfName(`${folder}/` as ByteName), bytesOfName(`${folder}0` as ByteName)],
  );
  return row && nameOfBytes(row.target);
}

const GIVE = 'INSERT OR IGNORE INTO names (warehouse, target, content, n) VALUES (?, ?, ?, ?)';

/**
 * Gives all names of a content, its own first and then those of its outputs; or none. Called in the transaction that plans its line.
 * False: another content has one of them, a folder above it or a name below it.
 */
export function giveNames(tx: Tx, warehouse: number, content: number, targets: readonly ByteName[]): boolean {
  const give = (target: ByteName, n: number): boolean =>
    !isGivenBelow(tx, warehouse, target) &&
    !foldersOf(target).some((folder) => isGiven(tx, warehouse, folder)) &&
    tx.run(GIVE, warehouse, bytesOfName(target), content, n).changes === 1;
  if (targets.every(give)) return true;
  forgetNames(tx, [content]);
  return false;
}

/** For a rebuild, where several lines may name one path: the youngest has the name. */
export function giveNameOfLine(tx: Tx, warehouse: number, { row, n }: FileOf, target: ByteName, atMs: number): void {
  const known = tx.get('SELECT 1 FROM names WHERE content = ? AND n = ? AND target = ?', row, n, bytesOfName(target));
  if (known) return; // Also in a warehouse that was replaced: its file is not looked for here.
  const holder = givenAt(tx, warehouse, target)?.content ?? row;
  const its =
    tx.get<{ at: number | null }>('SELECT ingested_at_ms AS at FROM contents WHERE row = ?', holder)?.at ?? -1;
  if (holder !== row && its > atMs) return;
  tx.run('DELETE FROM names WHERE content = ? AND n = ?', row, n);
  tx.run(GIVE.replace('OR IGNORE', 'OR REPLACE'), warehouse, bytesOfName(target), row, n);
}

/** True where the name belongs to another content since, so the file itself has left the warehouse. */
export const hasLeft = (reader: Reader, { row, n }: FileOf): boolean =>
  reader.get('SELECT 1 FROM names WHERE content = ? AND n = ?', row, n) === undefined;

/** The name of the content's own file, also of a content that was given up. */
export function ownNameOf(reader: Reader, content: number): ByteName | undefined {
  const row = reader.get<{ target: Buffer }>('SELECT target FROM names WHERE content = ? AND n = 0', content);
  return row && nameOfBytes(row.target);
}

/** The contents were given up, and nothing of them is left in the warehouse. */
export const forgetNames = (tx: Tx, contents: readonly number[]): void =>
  void tx.run('DELETE FROM names WHERE content IN (SELECT value FROM json_each(?))', JSON.stringify(contents));

const HAS_ENDED = "substr(CAST(target AS TEXT), instr(CAST(target AS TEXT), 'ingest_date=') + 12, 10) < ?";
const endedBefore = (wallMs: number): string => new Date(wallMs - WEST_MS).toISOString().slice(0, 10);

/** The records of these contents are pruned. A name of a day that has not ended everywhere stays given. */
export function pruneNames(tx: Tx, contents: readonly number[]): void {
  const its = JSON.stringify(contents);
  const today = endedBefore(tx.wallMs);
  tx.run(`DELETE FROM names WHERE content IN (SELECT value FROM json_each(?)) AND ${HAS_ENDED}`, its, today);
  tx.run('UPDATE names SET content = NULL WHERE content IN (SELECT value FROM json_each(?))', its);
}

export type Name = [warehouse: number, target: Buffer];

/** At most `max` names that stayed given without a content, in their order, and whether the day of each has ended everywhere. */
export const keptNames = (reader: Reader, wallMs: number, after: Name | undefined, max: number) =>
  reader.arrays(
    `SELECT warehouse, target, ${HAS_ENDED} FROM names WHERE content IS NULL AND (warehouse, target) > (?, ?)
      ORDER BY warehouse, target LIMIT ? + 0`,
    ...[endedBefore(wallMs), ...(after ?? [0, Buffer.alloc(0)]), max],
  ) as [...Name, hasEnded: number][];

/** Returns how many. */
export function freeNames(tx: Tx, names: readonly Name[]): number {
  const free = 'DELETE FROM names WHERE warehouse = ? AND target = ? AND content IS NULL';
  return names.reduce((sum, name) => sum + tx.run(free, ...name).changes, 0);
}
