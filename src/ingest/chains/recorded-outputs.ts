/**
 * The result of the stage `process` for a content, as its settlement recorded it: counts, and one row for each output.
 * Guarantees: a recorded output is never made again, and nothing that is not recorded counts. The rows stay after a content was given
 * up, until its outputs are put away (a row number never names another content). They are removed with a pruned record.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { type ByteName, bytesOfName, nameOfText } from '../../linux/index.js';

export const outputsModule = {
  name: 'outputs',
  migrations: [
    `
    CREATE TABLE processed (
      content INTEGER PRIMARY KEY,
      -- the claim that made the outputs; it is in their names until they are moved
      claim_no INTEGER NOT NULL,
      chain TEXT NOT NULL,
      version TEXT NOT NULL,
      rows INTEGER NOT NULL,
      rejected INTEGER NOT NULL,
      -- only for csv
      columns INTEGER,
      header_sha256 TEXT
    ) STRICT;

    CREATE TABLE outputs (
      content INTEGER NOT NULL,
      n INTEGER NOT NULL,
      tag TEXT NOT NULL,
      -- follows the file's own name
      suffix TEXT NOT NULL,
      rows INTEGER NOT NULL,
      size INTEGER NOT NULL,
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      -- decimal
      device TEXT NOT NULL,
      inode TEXT NOT NULL,
      -- relative to the warehouse; NULL until the line is planned
      target BLOB,
      PRIMARY KEY (content, n)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX outputs_by_target ON outputs (target) WHERE target IS NOT NULL;

    -- The last header that the files of a feed had.
    CREATE TABLE headers (
      feed TEXT PRIMARY KEY,
      sha256 TEXT NOT NULL,
      -- JSON, bounded
      names TEXT NOT NULL,
      -- the previous header, and the time of the change
      names_before TEXT,
      changed_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    `,
    // Readers take the outputs of the chain, and the file lies with the originals. Read until the line is planned.
    `
    ALTER TABLE processed ADD COLUMN is_original INTEGER NOT NULL DEFAULT 0 CHECK (is_original IN (0, 1));
    UPDATE processed SET is_original = 1
      WHERE content IN (SELECT content FROM outputs WHERE tag <> 'reject' AND target IS NULL);
    `,
    `
    -- Files whose name in the warehouse another content with the same bytes got later: a name is given only while it is free.
    CREATE TABLE names_left (
      content INTEGER NOT NULL,
      -- 0: the content's own file; else its output
      n INTEGER NOT NULL,
      PRIMARY KEY (content, n)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
} as const;

export interface Output {
  /** From 1. */
  n: number;
  tag: string;
  /** Follows the file's own name: `.TAG.EXTENSION`, ASCII. */
  suffix: string;
  rows: number;
  size: number;
  sha256: Buffer;
  /** Decimal, exact. */
  device: string;
  inode: string;
  /** Relative to the warehouse; null until the line is planned. */
  target: Buffer | null;
}

export interface Counts {
  chain: string;
  /** SHA-256 (hex) of the module's file and the chain's configuration. */
  version: string;
  /** The number of records, without a header. */
  rows: number;
  rejected: number;
  columns: number | null;
  /** Hexadecimal. */
  headerSha256: string | null;
}

export interface Processed extends Counts {
  claimNo: number;
  /** Readers take the outputs of the chain, and the file lies with the originals. */
  isOriginal: boolean;
  outputs: readonly Output[];
}

/** The name of an output before it is moved, in the temporary directory of the warehouse. */
export const outputName = (jobId: string, n: number, claimNo: number): ByteName =>
  nameOfText(`${jobId}.out.${n}.${claimNo}`);

/** The common beginning of the names of all outputs of a job, of every try. */
export const outputPrefix = (jobId: string): string => `${jobId}.out.`;

const COUNTS = `SELECT claim_no AS claimNo, is_original AS isOriginal, chain, version, rows, rejected, columns, header_sha256 AS headerSha256
  FROM processed WHERE content = ?`;
const OUTPUTS =
  'SELECT n, tag, suffix, rows, size, sha256, device, inode, target FROM outputs WHERE content = ? ORDER BY n';

/** Undefined where the content was not processed. */
export function processedOf(reader: Reader, content: number): Processed | undefined {
  const counts = reader.get<Counts & { claimNo: number; isOriginal: number }>(COUNTS, content);
  return counts && { ...counts, isOriginal: counts.isOriginal === 1, outputs: reader.all<Output>(OUTPUTS, content) };
}

export interface Made extends Pick<Counts, 'rows' | 'rejected' | 'columns'> {
  header_sha256: string | null;
  /** The number of outputs. */
  outputs: number;
}

const MADE = `SELECT rows, rejected, columns, header_sha256, (SELECT count(*) FROM outputs WHERE outputs.content = processed.content) AS outputs
  FROM processed WHERE content = ?`;

/** A summary to show, without the outputs themselves: there may be a thousand. */
export const madeOf = (reader: Reader, content: number): Made | undefined => reader.get<Made>(MADE, content);

/** Called in the transaction that settles the stage, and by a rebuild for a line that it reads. */
export function recordProcessed(tx: Tx, content: number, { outputs, ...counts }: Processed): void {
  const { claimNo, chain, version, rows, rejected, columns, headerSha256, isOriginal } = counts;
  tx.run(
    'INSERT INTO processed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[content, claimNo, chain, version, rows, rejected, columns, headerSha256, isOriginal ? 1 : 0],
  );
  for (const { n, tag, suffix, rows: its, size, sha256, device, inode, target } of outputs)
    tx.run(
      'INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[content, n, tag, suffix, its, size, sha256, device, inode, target],
    );
}

/** Called in the transaction that plans the line. `targets`: given, in the order of the outputs. */
export function withTargets(tx: Tx, content: number, processed: Processed, targets: readonly ByteName[]): Processed {
  const outputs = processed.outputs.map((output, i) => ({ ...output, target: bytesOfName(targets[i]!) }));
  for (const { n, target } of outputs)
    tx.run('UPDATE outputs SET target = ? WHERE content = ? AND n = ?', target, content, n);
  return { ...processed, outputs };
}

/** A file of a content: 0 is its own, the others are its outputs. */
export interface FileOf {
  /** The row of the content. */
  row: number;
  n: number;
}

/** Called when the contents are pruned or put away. */
export function forgetOutputs(tx: Tx, contents: readonly number[]): void {
  const json = JSON.stringify(contents);
  for (const table of ['outputs', 'processed'])
    tx.run(`DELETE FROM ${table} WHERE content IN (SELECT value FROM json_each(?))`, json);
}

/** The longest list of header names that is kept. */
const HEADER_BYTES_MAX = 4_096;

/** Notes the header of a feed. Returns the previous names if they were different. */
export function noteHeader(tx: Tx, feed: string, sha256: string, names: readonly string[]): string[] | undefined {
  const before = tx.get<{ sha256: string; names: string }>('SELECT sha256, names FROM headers WHERE feed = ?', feed);
  if (before?.sha256 === sha256) return undefined;
  const text = namesWithin(names);
  if (!before) {
    tx.run('INSERT INTO headers (feed, sha256, names) VALUES (?, ?, ?)', feed, sha256, text);
    return undefined;
  }
  tx.run(
    'UPDATE headers SET sha256 = ?, names = ?, names_before = names, changed_ms = ? WHERE feed = ?',
    ...[sha256, text, tx.wallMs, feed],
  );
  return JSON.parse(before.names) as string[];
}

export interface ChangedHeader {
  feed: string;
  /** Names of columns; of many, the first ones and `…`. */
  before: string[];
  now: string[];
  changedMs: number;
}

/** The feeds whose header changed after that wall-clock ms. */
export const changedHeaders = (reader: Reader, sinceMs: number): ChangedHeader[] =>
  reader
    .all<{ feed: string; names: string; before: string; changedMs: number }>(
      'SELECT feed, names, names_before AS before, changed_ms AS changedMs FROM headers WHERE changed_ms > ? ORDER BY feed',
      sinceMs,
    )
    .map(({ names, before, ...rest }) => ({ ...rest, before: JSON.parse(before), now: JSON.parse(names) }));

function namesWithin(names: readonly string[]): string {
  for (let kept = names.length; ; kept = Math.floor(kept / 2)) {
    const text = JSON.stringify(kept === names.length ? names : [...names.slice(0, kept), '…']);
    if (text.length <= HEADER_BYTES_MAX || kept === 0) return text;
  }
}
