/**
 * Boot-clock values are meaningless after a reboot or in another time namespace. At such a change, everything becomes
 * due.
 * Guarantees: it happens in one transaction, and only if no living owner uses the other clock. Claims of the earlier
 * boot are given back, marked `interrupted`, and no job is blamed for a power cut.
 */
import { QueueError } from '../errors.js';
import type { Owners } from '../owners.js';
import type { SqliteTx } from './tx.js';

const EPOCH = "SELECT value FROM meta WHERE name = 'epoch'";

/** Returns an error to throw if living processes use another clock. */
export function adoptEpoch(tx: SqliteTx, epoch: string, owners: Owners, path: string): QueueError | undefined {
  const known = tx.get<{ value: string }>(EPOCH)?.value;
  if (known === epoch) return undefined;
  if (known !== undefined) {
    const living = tx
      .all<{ id: number; title: string }>('SELECT id, title FROM owners')
      .find(({ id }) => owners.isAlive(id));
    if (living) return foreignClock(path, living.title);
    tx.run(
      "UPDATE jobs SET was = state, state = 'ready', owner = NULL, interrupted = 1, due_ms = 0 WHERE state = 'claimed'",
    );
    tx.run("UPDATE jobs SET due_ms = 0 WHERE state = 'ready' AND due_ms > 0");
    tx.run("UPDATE gates SET prober = NULL, probe_due_ms = 0 WHERE cause = 'place'");
    tx.run('DELETE FROM owners');
    tx.madeReady = true;
  }
  tx.run("INSERT INTO meta VALUES ('epoch', ?) ON CONFLICT DO UPDATE SET value = excluded.value", epoch);
  return undefined;
}

function foreignClock(path: string, title: string): QueueError {
  return new QueueError(
    'state_foreign_clock',
    `${path} is in use by "${title}" in another time namespace, whose clock cannot be compared with ours: run all processes of one state in the same one.`,
  );
}
