/** The shared ledger of a command that an operator calls. */
import type { Invocation } from '../base/config/read.js';
import { isStateThere, statePathOf } from '../base/config/state-path.js';
import { EnvironmentError, OperatorError } from '../base/errors.js';
import { urlOf } from '../ingest/sharing/check.js';
import { type SharedDatabase, withDatabase } from '../shared-ledger/database.js';
import { SharedError } from '../shared-ledger/errors.js';
import { withStateAt } from './state.js';

/**
 * `what` cannot be done without it. Its address is that of the options, else that of the state.
 * Errors: OperatorError; EnvironmentError with what the database said.
 */
export async function withShared<T>(
  invocation: Invocation,
  what: string,
  act: (shared: SharedDatabase) => Promise<T>,
): Promise<T> {
  const { feeds, service } = invocation;
  const given = feeds.map(({ values }) => values['shared-ledger']).find((one) => one !== undefined);
  const isNamed = service['state-path'] !== undefined || feeds.some(({ values }) => values.input !== undefined);
  const path = given === undefined && isNamed ? statePathOf(invocation, process.env) : undefined;
  const url = given ?? (path !== undefined && isStateThere(path) ? await withStateAt(path, urlOf) : undefined);
  if (url === undefined)
    throw new OperatorError(
      'missing_option',
      `${what} needs --shared-ledger, the address of the PostgreSQL that the hosts share.`,
    );
  return withUrl(url, act);
}

/** Errors: EnvironmentError with what the database said. */
export async function withUrl<T>(url: string, act: (shared: SharedDatabase) => Promise<T>): Promise<T> {
  try {
    return await withDatabase(url, act);
  } catch (error) {
    if (error instanceof SharedError) throw new EnvironmentError('shared_ledger_unusable', `${error.message}.`);
    throw error;
  }
}
