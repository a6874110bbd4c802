/** Opens a state to change it by an operator's verb: as an owner of its own, beside running daemons or without them. */
import type { Backend } from '../../queue/backend.js';
import type { Invocation } from '../base/config/read.js';
import { openState } from '../ingest/ledger/open-state.js';
import { refuseUnusableState, stateFor } from './state.js';
import { refuseUnknown } from './state-view.js';

export async function operate<T>(
  invocation: Invocation,
  act: (backend: Backend, statePath: string) => Promise<T>,
): Promise<T> {
  const path = await stateFor(invocation);
  refuseUnusableState(path);
  const maxAttempts = invocation.service['max-attempts'];
  const backend = await openState({ statePath: path, title: invocation.spec.name, maxAttempts, create: false });
  try {
    refuseUnknown(backend, invocation);
    return await act(backend, path);
  } finally {
    await backend.close();
  }
}
