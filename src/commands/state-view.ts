/** Opens the state that a reading command is about, and closes it whatever happens. */
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../config/read.js';
import { existingState, statePathOf } from '../config/state-path.js';
import { OperatorError } from '../errors.js';
import { openStateView } from '../ledger/open-state.js';
import { refuseNetwork } from './state.js';

export async function withView<T>(
  invocation: Invocation,
  use: (view: QueueView, statePath: string) => T | Promise<T>,
): Promise<T> {
  const path = existingState(statePathOf(invocation, process.env));
  refuseNetwork(path);
  const view = await openStateView(path);
  try {
    refuseUnknownFeed(view, invocation.view.feed);
    return await use(view, path);
  } finally {
    await view.close();
  }
}

export function refuseUnknownFeed(view: Pick<QueueView, 'feeds'>, feed: string | undefined): void {
  const names = view.feeds().map(({ name }) => name);
  if (feed === undefined || names.includes(feed)) return;
  throw new OperatorError(
    'unknown_feed',
    `--feed must be a feed of this state, but got ${JSON.stringify(feed)}; it has ${names.join(', ') || 'none yet'}.`,
  );
}
