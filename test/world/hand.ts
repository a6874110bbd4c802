/**
 * A test's direct changes of a running state: closes and opens stages, and holds a job in one, as its stage could have
 * done. Each call is an owner for as long as it takes.
 */
import type { Backend } from '../../queue/backend.js';
import { openState } from '../../src/ingest/ledger/open-state.js';

export async function withState<T>(statePath: string, act: (backend: Backend) => Promise<T> | T): Promise<T> {
  const backend = await openState({ statePath, title: 'test', maxAttempts: 8, create: false });
  try {
    return await act(backend);
  } finally {
    await backend.close();
  }
}

const gate = (stage: string) => ({ feed: '*', stage, cause: 'pause' as const, place: '' });

export const pause = (statePath: string, ...stages: string[]): Promise<void> =>
  withState(statePath, (backend) =>
    backend.transact((tx) => {
      for (const stage of stages) tx.closeGate({ ...gate(stage), code: 'paused', reason: 'by a test' });
    }),
  );

export const resume = (statePath: string, ...stages: string[]): Promise<void> =>
  withState(statePath, (backend) =>
    backend.transact((tx) => {
      for (const stage of stages) tx.openGate(gate(stage));
    }),
  );

/** Leaves ready jobs as after a claim and a hold. Returns how many were still ready. */
export function holdReady(backend: Backend, ids: readonly string[], code = 'held_by_test'): Promise<number> {
  return backend.transact((tx) => {
    let held = 0;
    for (const id of ids) {
      const claimed = tx.run(
        `UPDATE jobs SET was = state, state = 'claimed', owner = ?, claim_no = claim_no + 1 WHERE id = ? AND state = 'ready'`,
        ...[backend.owner, id],
      );
      if (claimed.changes === 0) continue;
      tx.run(
        `UPDATE jobs SET was = state, state = 'held', owner = NULL, hold_code = ?, reason = 'a test wants it so' WHERE id = ?`,
        ...[code, id],
      );
      held++;
    }
    return held;
  });
}
