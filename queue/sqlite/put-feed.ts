/**
 * Stores the options of a feed. Where they are others than before, each of its jobs that waits for a time is due at once: its
 * stage decides again, by the new options.
 */
import type { StageName } from '../backend.js';
import { assertTransition } from '../states.js';
import type { SqliteTx } from './tx.js';

const KNOWN = 'SELECT 1 FROM feeds WHERE name = ?';
const PUT = 'INSERT INTO feeds VALUES (?, ?) ON CONFLICT DO UPDATE SET options = excluded.options';
const DUE =
  "UPDATE jobs SET due_ms = ?, updated_ms = ? WHERE state = 'ready' AND stage = ? AND feed = ? AND due_ms > ?";

export function putFeed(tx: SqliteTx, name: string, options: string, stages: readonly StageName[]): void {
  const isKnown = tx.get(KNOWN, name) !== undefined;
  tx.run(PUT, name, options);
  if (!isKnown) return;
  assertTransition('nudge', 'ready');
  for (const stage of stages) {
    const { changes } = tx.run(DUE, tx.nowMs, tx.wallMs, stage, name, tx.nowMs);
    if (changes > 0) tx.madeReady = true;
  }
}
