/** The shared ledger of a command that an operator calls. */
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { EnvironmentError, OperatorError } from '../base/errors.js';
import { type Rows, SharedConnection } from '../fleet/connection.js';
import { SharedError } from '../fleet/errors.js';
import { sharedHost } from '../ingest/outbox/host.js';
import { withoutItsLedger } from '../ingest/shared-ledger/open.js';

/** `what` cannot be done without it. Errors: OperatorError; EnvironmentError with what the database said. */
export async function withShared<T>(
  { service }: Invocation,
  what: string,
  act: (shared: Rows) => Promise<T>,
): Promise<T> {
  const url = service['shared-ledger'];
  if (url === undefined)
    throw new OperatorError(
      'missing_option',
      `${what} needs --shared-ledger, the address of the PostgreSQL that the hosts share.`,
    );
  const shared = new SharedConnection(url);
  try {
    return await act(shared);
  } catch (error) {
    if (error instanceof SharedError) throw new EnvironmentError('shared_ledger_unusable', `${error.message}.`);
    throw error;
  } finally {
    await shared.close();
  }
}

/** The same for a state that may share its ledger or not: `act` is given undefined where it does not. */
export async function withSharedOf<T>(
  invocation: Invocation,
  view: Pick<QueueView, 'read'>,
  act: (shared: Rows | undefined) => Promise<T>,
): Promise<T> {
  const host = view.read(sharedHost);
  if (!host?.joined) return act(undefined);
  if (invocation.service['shared-ledger'] === undefined) throw withoutItsLedger(host);
  return withShared(invocation, invocation.spec.name, act);
}
