/**
 * The counters as they were: a row about every ten seconds in which something was counted, for rates and their curves.
 * Guarantees: written in the transaction that counts, so an idle state is not written to; two hours of it are kept.
 * Ten seconds after a row nothing more is counted until the next one, so that an idle time is seen as one.
 */
import type { Counter, Moment, Reader, StageName } from '../backend.js';
import { limits } from '../limits.js';
import { Samples } from './samples.js';
import type { SqliteTx } from './tx.js';

type CounterArray = [feed: string, stage: StageName, name: string, files: number, bytes: number];

const ALL = 'SELECT feed, stage, name, files, bytes FROM counters';
const INSERT = 'INSERT INTO history VALUES (?, ?)';

/** Remembers how old the last row is that this process knows of, so that most commits ask nothing. */
export class History {
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #samples = new Samples();

  /** Writes what a transaction has counted, and a row where one is due. */
  write(tx: SqliteTx): void {
    if (!tx.hasCounts) return;
    const isDue = Math.abs(tx.wallMs - this.#lastMs) >= limits.historyEveryMs;
    const before = isDue ? JSON.stringify(tx.arrays(ALL)) : '';
    const sample = this.#samples.due(tx);
    tx.writeCounts();
    sample?.();
    if (isDue) this.#note(tx, before);
  }

  #note(tx: SqliteTx, before: string): void {
    const { wallMs } = tx;
    // Rows of the future are those of a clock that was set back.
    tx.run('DELETE FROM history WHERE at_ms > ? OR at_ms < ?', wallMs, wallMs - limits.historyKeptMs);
    const last = tx.get<{ at_ms: number | null }>('SELECT max(at_ms) AS at_ms FROM history')!.at_ms;
    this.#lastMs = last ?? wallMs;
    if (last !== null && wallMs - last < limits.historyEveryMs) return;
    this.#lastMs = wallMs;
    // Whoever had counted after ten seconds would have written a row: all that is not in the last one was counted within them.
    if (last !== null && wallMs - last > IDLE_MS) tx.run(INSERT, last + limits.historyEveryMs, before);
    tx.run(INSERT, wallMs, JSON.stringify(tx.arrays(ALL)));
  }
}

/** After a longer time without a row, a second one says how the counters stood when it began. */
const IDLE_MS = 2 * limits.historyEveryMs;

export const countedAtMs = (rows: Reader): number | undefined =>
  rows.get<{ at_ms: number }>('SELECT at_ms FROM history ORDER BY at_ms DESC LIMIT 1')?.at_ms;

/** Oldest first, at most `most`; of the last `lastMs`. */
export function history(rows: Reader, nowMs: number, lastMs: number, most = -1): Moment[] {
  return rows
    .all<{ at_ms: number; counters: string }>(
      'SELECT at_ms, counters FROM history WHERE at_ms >= ? ORDER BY at_ms LIMIT ? + 0',
      nowMs - lastMs,
      most,
    )
    .map(({ at_ms: atMs, counters }) => ({
      ...{ atMs, agoMs: Math.max(0, nowMs - atMs) },
      counters: (JSON.parse(counters) as CounterArray[]).map(toCounter),
    }));
}

const toCounter = ([feed, stage, name, files, bytes]: CounterArray): Counter => ({ feed, stage, name, files, bytes });
