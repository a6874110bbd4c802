/** How a child process opens the state that it works for. */
import type { Backend } from '../../../queue/backend.js';
import type { ChildContext } from '../../base/process/context.js';
import { type OpenOptions, openState } from '../ledger/open-state.js';
import { refuseLostState } from './check-manifests.js';

type Own = Omit<OpenOptions, 'statePath' | 'maxAttempts' | 'onMigration'>;

/** The parent hears of a migration: it waits for it without heartbeats. Errors: EnvironmentError. */
export async function enterState(
  { config, report }: Pick<ChildContext, 'config' | 'report'>,
  own: Own,
): Promise<Backend> {
  const { statePath, maxAttempts } = config.service;
  await refuseLostState(statePath, config.feeds);
  return openState({ statePath, maxAttempts, onMigration: () => report({ kind: 'migrates' }), ...own });
}
