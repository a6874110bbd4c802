/**
 * The counters as they were: a row about every ten seconds in which something was counted, for rates and their curves.
 * Guarantees: written in the transaction that counts, so an idle state is not written to; two hours of it are kept.
 * Where no row is younger than a minute, nothing was counted in that minute.
 */
import type { Counter, Moment, Reader, StageName } from '../backend.js';
import { limits } from '../limits.js';
import type { SqliteTx } from './tx.js';

type CounterArray = [feed: string, stage: StageName, name: string, files: number, bytes: number];

const ALL = 'SELECT feed, stage, name, files, bytes FROM counters';

/** Remembers when this process looked last, so that most commits ask nothing. */
export class History {
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** After the counters of a transaction were written. */
  note(tx: SqliteTx): void {
    const { wallMs } = tx;
    if (Math.abs(wallMs - this.#lookedMs) < limits.historyEveryMs) return;
    this.#lookedMs = wallMs;
    // Rows of the future are those of a clock that was set back.
    tx.run('DELETE FROM history WHERE at_ms > ? OR at_ms < ?', wallMs, wallMs - limits.historyKeptMs);
    const last = tx.get<{ at_ms: number | null }>('SELECT max(at_ms) AS at_ms FROM history')!.at_ms;
    if (last !== null && wallMs - last < limits.historyEveryMs) return;
    tx.run('INSERT INTO history VALUES (?, ?)', wallMs, JSON.stringify(tx.arrays(ALL)));
  }
}

/** Oldest first; of the last `lastMs`. */
export function history(rows: Reader, nowMs: number, lastMs: number): Moment[] {
  return rows
    .all<{ at_ms: number; counters: string }>(
      'SELECT at_ms, counters FROM history WHERE at_ms >= ? ORDER BY at_ms',
      nowMs - lastMs,
    )
    .map(({ at_ms: atMs, counters }) => ({
      ...{ atMs, agoMs: Math.max(0, nowMs - atMs) },
      counters: (JSON.parse(counters) as CounterArray[]).map(toCounter),
    }));
}

const toCounter = ([feed, stage, name, files, bytes]: CounterArray): Counter => ({ feed, stage, name, files, bytes });
