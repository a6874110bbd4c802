/**
 * Chooses the ready jobs of a feed that has another order than by due time.
 * Guarantees: one claim in `limits.oldestEvery` starts with the job that has been due longest, so no job waits forever
 * for preferred ones. An order applies within the first `limits.orderWindow` due jobs: an index for all of them would
 * be written at a random page for each file. A feed without an order costs nothing here.
 */
import type { Reader, StageName } from '../backend.js';
import { limits } from '../limits.js';

/** The key `order` of a feed's options; the other options are opaque. */
export type ClaimOrder = 'name' | 'size' | 'newest';

const ORDERS = `SELECT name, options ->> '$.order' AS "order" FROM feeds WHERE options ->> '$.order' IN ('name', 'size', 'newest')`;

export const ordersOf = (rows: Reader): Map<string, ClaimOrder> =>
  new Map(rows.all<{ name: string; order: ClaimOrder }>(ORDERS).map(({ name, order }) => [name, order]));

/** A chosen job. Lists are in the order of the claim. */
export interface Chosen {
  seq: number;
  bytes: number;
}

const DUE = `FROM jobs INDEXED BY jobs_ready WHERE state = 'ready' AND stage = +? AND feed = +? AND due_ms <= ?`;
/** Reads only the index, except for the name. */
const WINDOW: Record<ClaimOrder, string> = {
  name: `SELECT seq, bytes, key ${DUE} ORDER BY due_ms, seq LIMIT ? + 0`,
  size: `SELECT seq, bytes ${DUE} ORDER BY due_ms, seq LIMIT ? + 0`,
  newest: `SELECT seq, bytes ${DUE} ORDER BY due_ms DESC, seq DESC LIMIT ? + 0`,
};
const OLDEST = `SELECT seq, bytes ${DUE} ORDER BY due_ms, seq LIMIT 1`;

type Row = [seq: number, bytes: number, key?: Buffer];

const BEFORE: Record<ClaimOrder, (a: Row, b: Row) => number> = {
  name: ([, , a], [, , b]) => a!.compare(b!),
  size: ([, a], [, b]) => a - b,
  newest: () => 0,
};

/** At most `most` jobs. `oldestFirst`: the first one is the job that has been due longest. */
export function inOrder(
  rows: Reader,
  { order, oldestFirst }: { order: ClaimOrder; oldestFirst: boolean },
  at: readonly [StageName, string, number],
  most: number,
): Chosen[] {
  const window = rows.arrays(WINDOW[order], ...at, order === 'newest' ? most : limits.orderWindow) as Row[];
  const oldest = oldestFirst ? (rows.arrays(OLDEST, ...at) as Row[]) : [];
  const rest = window.sort(BEFORE[order]).filter(([seq]) => seq !== oldest[0]?.[0]);
  return [...oldest, ...rest].slice(0, most).map(([seq, bytes]) => ({ seq, bytes }));
}
