/** The shared ledger of a process that has `--shared-ledger`. */
import type { Backend } from '../../../queue/backend.js';
import { EnvironmentError } from '../../base/errors.js';
import type { ChildContext } from '../../base/process/context.js';
import { type SharedHost, sharedHost } from '../outbox/host.js';
import { SharedLedger } from './shared-ledger.js';

/** Errors: EnvironmentError, if option and state do not agree. */
export function sharedLedgerOf(
  backend: Backend,
  { config, emit }: Pick<ChildContext, 'config' | 'emit'>,
): SharedLedger | undefined {
  const { sharedLedger: url, statePath } = config.service;
  const host = backend.read(sharedHost);
  if (url === undefined && host === undefined) return undefined;
  if (url === undefined) throw withoutItsLedger(host!);
  if (!host?.joined)
    throw new EnvironmentError(
      'shared_ledger_not_joined',
      `--shared-ledger needs a host that has joined, but the state ${statePath} has not: run ingest-ctl host join NAME --shared-ledger ${url} --state-path ${statePath} first.`,
    );
  return new SharedLedger(backend, statePath, url, emit);
}

export const withoutItsLedger = ({ ledger }: SharedHost): EnvironmentError =>
  new EnvironmentError(
    'shared_ledger_missing',
    `this state shares its ledger with other hosts (${ledger}), so --shared-ledger must name it; without it a content may be stored twice.`,
  );
