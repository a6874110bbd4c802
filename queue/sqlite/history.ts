/**
 * The counters as they were lately, for rates: a row about every ten seconds in which something was counted.
 * Guarantees: written in the transaction that counts, so an idle state is not written to. Two minutes are kept. Counts
 * later than ten seconds after a row start with a new row, so that idle times are visible.
 * Does not: show what was longer ago; samples.ts does.
 */
import type { Counter, Moment, Reader, StageName } from '../backend.js';
import { limits } from '../limits.js';
import { Samples } from './samples.js';
import type { SqliteTx } from './tx.js';

type CounterArray = [feed: string, stage: StageName, name: string, files: number, bytes: number];

const ALL = 'SELECT feed, stage, name, files, bytes FROM counters';
const INSERT = 'INSERT INTO history VALUES (?, ?)';

/** Remembers the time of the last known row, so that most commits query nothing. */
export class History {
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #samples = new Samples();

  /** Writes the counts of a transaction, and a history row if one is due. */
  write(tx: SqliteTx): void {
    if (tx.tally.isEmpty) return;
    const isDue = Math.abs(tx.wallMs - this.#lastMs) >= limits.historyEveryMs;
    const before = isDue ? JSON.stringify(tx.arrays(ALL)) : '';
    const sample = this.#samples.due(tx);
    tx.tally.write(tx);
    sample?.();
    if (isDue) this.#note(tx, before);
  }

  #note(tx: SqliteTx, before: string): void {
    const { wallMs } = tx;
    // Rows in the future come from a clock that was set back.
    tx.run('DELETE FROM history WHERE at_ms > ? OR at_ms < ?', wallMs, wallMs - limits.historyKeptMs);
    const last = tx.get<{ at_ms: number | null }>('SELECT max(at_ms) AS at_ms FROM history')!.at_ms;
    this.#lastMs = last ?? wallMs;
    if (last !== null && wallMs - last < limits.historyEveryMs) return;
    this.#lastMs = wallMs;
    // A count later than ten seconds after the last row would have written a row itself. So all counts that the row
    // lacks happened within these ten seconds.
    if (last !== null && wallMs - last > IDLE_MS) tx.run(INSERT, last + limits.historyEveryMs, before);
    tx.run(INSERT, wallMs, JSON.stringify(tx.arrays(ALL)));
  }
}

/** After a longer time without a row, an extra row records the counters at the start of the idle time. */
const IDLE_MS = 2 * limits.historyEveryMs;

export const countedAtMs = (rows: Reader): number | undefined =>
  rows.get<{ at_ms: number }>('SELECT at_ms FROM history ORDER BY at_ms DESC LIMIT 1')?.at_ms;

/** The oldest row of the last `lastMs`. */
export function earlierCounters(rows: Reader, nowMs: number, lastMs: number): Moment | undefined {
  const row = rows.get<{ atMs: number; counters: string }>(
    'SELECT at_ms AS atMs, counters FROM history WHERE at_ms >= ? ORDER BY at_ms LIMIT 1',
    nowMs - lastMs,
  );
  return (
    row && {
      agoMs: Math.max(0, nowMs - row.atMs),
      counters: (JSON.parse(row.counters) as CounterArray[]).map(toCounter),
    }
  );
}

const toCounter = ([feed, stage, name, files, bytes]: CounterArray): Counter => ({ feed, stage, name, files, bytes });
