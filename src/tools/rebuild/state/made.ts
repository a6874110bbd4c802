/**
 * Rebuilds the rows `processed` and `outputs` from lines: what a chain made of a file, and where its outputs are.
 * Guarantees: outputs that are not moved yet count only if their bytes were read and match the line.
 */
import type { Tx } from '../../../../queue/backend.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { baseOf } from '../../../files/job-paths.js';
import { namesIn } from '../../../files/names-in.js';
import { unlessMissing } from '../../../files/place-error.js';
import {
  forgetOutputs,
  type Output,
  outputName,
  outputPrefix,
  type Processed,
  recordProcessed,
} from '../../../ingest/chains/recorded-outputs.js';
import { type FeedFiles, statEntry } from '../../../ingest/files/feed-files.js';
import { giveNameOfLine, warehouseOf } from '../../../ingest/ledger/names.js';
import { processedIn, type ReadOutput, type ReadProcessed, type ReadRecord } from '../../../ingest/manifest/read.js';
import { contentAt, TEMPORARY } from '../../../ingest/warehouse/target.js';
import { type ByteName, bytesOfName, nameOfBytes, type Stat } from '../../../linux/index.js';

/** Returns a path of a line relative to the warehouse; undefined if the path is in another warehouse. */
export type Below = (path: Buffer) => ByteName | undefined;

/** Undefined if the line has no chain, or another warehouse. `isUnderWay`: its outputs may not be moved yet. */
export async function madeBy(
  record: ReadRecord,
  files: FeedFiles,
  below: Below,
  isUnderWay: boolean,
): Promise<Processed | undefined> {
  const read = processedIn(record);
  const targets = read?.outputs.map(({ path }) => below(path));
  if (!read || targets!.includes(undefined)) return undefined;
  const { claimNo, stats } = isUnderWay ? await unmoved(record.ingestId, read, files) : NOTHING;
  const outputs = read.outputs.map((output, i) => asOutput(output, i + 1, targets![i]!, stats.get(i + 1)));
  // The line names the targets, so nothing is planned from this row again.
  return { ...read, claimNo, isOriginal: false, outputs };
}

interface Unmoved {
  claimNo: number;
  /** Entries by the number of the output. */
  stats: ReadonlyMap<number, Stat>;
}

const NOTHING: Unmoved = { claimNo: 0, stats: new Map() };

/** Returns the claim whose outputs have the bytes of the line; undefined if only an interrupted try of another claim is there. */
async function unmoved(jobId: string, { outputs }: ReadProcessed, files: FeedFiles): Promise<Unmoved> {
  const dir = unlessMissing(() => files.warehouse.directory(TEMPORARY));
  if (dir === undefined) return NOTHING;
  const claims = new Set([...namesIn(dir)].flatMap((name) => claimOf(name, jobId) ?? []));
  for (const claimNo of claims) {
    const stats = new Map<number, Stat>();
    for (const [i, { size, sha256 }] of outputs.entries()) {
      const entry = { dir, name: outputName(jobId, i + 1, claimNo) };
      const stat = statEntry(entry);
      if (stat?.size === size && (await contentAt(entry))?.equals(sha256)) stats.set(i + 1, stat);
    }
    if (stats.size > 0) return { claimNo, stats };
  }
  return NOTHING;
}

function claimOf(name: ByteName, jobId: string): number | undefined {
  if (!name.startsWith(outputPrefix(jobId))) return undefined;
  return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
}

const asOutput = ({ tag, rows, size, sha256 }: ReadOutput, n: number, target: ByteName, stat?: Stat): Output => ({
  n,
  tag,
  rows,
  size,
  sha256,
  target: bytesOfName(target),
  // `.TAG.EXTENSION`: neither part has a dot.
  suffix: /\.[^.]*\.[^.]*$/.exec(baseOf(target))?.[0] ?? '',
  device: String(stat?.dev ?? 0),
  inode: String(stat?.ino ?? 0),
});

/** `isIts`: whether a file with these bytes at the path belongs to this line, among all lines that name the path. */
export async function hasAnyOf(
  made: Processed | undefined,
  files: FeedFiles,
  isIts: (target: ByteName, sha256: Buffer) => boolean,
): Promise<boolean> {
  for (const { target, size, sha256 } of made?.outputs ?? []) {
    const name = nameOfBytes(target!);
    const found = files.inWarehouse(name);
    if (found?.stat.size !== size || !isIts(name, sha256)) continue;
    if ((await contentAt(found.entry))?.equals(sha256)) return true;
  }
  return false;
}

/** Enters the outputs as in the line, whatever an older state had. */
export function enterMade(tx: Tx, feed: FeedOptions, content: number, line: MadeLine): void {
  forgetOutputs(tx, [content]);
  if (!line.made) return;
  recordProcessed(tx, content, line.made);
  const warehouse = warehouseOf(tx, feed.name)!;
  for (const { n, target } of line.made.outputs)
    giveNameOfLine(tx, warehouse, { row: content, n }, nameOfBytes(target!), line.ingestedAtMs);
}

interface MadeLine {
  made: Processed | undefined;
  ingestedAtMs: number;
}

/**
 * A line that was taken back has no content any more. Its outputs are entered under a row number that no content ever has, until
 * its job has put them away.
 */
export function enterGivenUp(tx: Tx, feed: FeedOptions, jobId: string, line: MadeLine): void {
  if (givenUpRow(tx, jobId) !== undefined) return;
  const { least } = tx.get<{ least: number | null }>('SELECT min(content) AS least FROM processed')!;
  const row = Math.min(least ?? 0, 0) - 1;
  enterMade(tx, feed, row, line);
  tx.run('INSERT INTO rebuild_given_up VALUES (?, ?)', jobId, row);
}

/** Returns the row number for the outputs of a line that was taken back. */
export const givenUpRow = (tx: Tx, jobId: string): number | undefined =>
  tx.get<{ content: number }>('SELECT content FROM rebuild_given_up WHERE job = ?', jobId)?.content;
