/** Opens the state that a command is about, to read it or to change it, and closes it in any case. */

import type { Backend } from '../../queue/backend.js';
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { openState } from '../ingest/ledger/open-state.js';
import { userName } from '../linux/index.js';
import { whyNoHoldCode } from '../service/status/held-list.js';
import { refuseUnusableState, stateFor, withStateAt } from './state.js';

/** For a command that only reads. */
export async function withView<T>(
  invocation: Invocation,
  use: (view: QueueView, statePath: string) => T | Promise<T>,
): Promise<T> {
  const path = await stateFor(invocation);
  refuseUnusableState(path);
  return withStateAt(path, (view) => {
    refuseUnknown(view, invocation);
    return use(view, path);
  });
}

/** The feeds of the state; with --feed, that one alone. */
export const feedsAsked = (view: Pick<QueueView, 'feeds'>, { view: { feed } }: Invocation): FeedOptions[] =>
  view.feeds().flatMap(({ name, options }) => ((feed ?? name) === name ? (options as unknown as FeedOptions) : []));

/** `what`: ends the sentence "--feed must say …". Errors: OperatorError. */
export function oneFeedAsked(view: Pick<QueueView, 'feeds'>, invocation: Invocation, what: string): FeedOptions {
  const feeds = feedsAsked(view, invocation);
  if (feeds.length === 1) return feeds[0]!;
  const names = feeds.map(({ name }) => name).join(', ') || 'none yet';
  throw new OperatorError(
    'unknown_feed',
    `--feed must say ${what}, since this state has ${feeds.length} feeds; it has ${names}.`,
  );
}

/** A filter with a typing error would read as if all were well, or keep a verb from what it is about. Errors: OperatorError. */
export function refuseUnknown(view: Pick<QueueView, 'feeds' | 'heldFor'>, { view: { feed, code } }: Invocation): void {
  refuseUnknownFeed(view, feed);
  const why = code === undefined ? undefined : whyNoHoldCode(view, code);
  if (why !== undefined) throw new OperatorError('unknown_code', `--code: ${why}.`);
}

export function refuseUnknownFeed(view: Pick<QueueView, 'feeds'>, feed: string | undefined): void {
  const names = view.feeds().map(({ name }) => name);
  if (feed === undefined || names.includes(feed)) return;
  throw new OperatorError(
    'unknown_feed',
    `--feed must be a feed of this state, but got ${JSON.stringify(feed)}; it has ${names.join(', ') || 'none yet'}.`,
  );
}

/** For an operator's verb that changes the state: as an owner of its own, beside running daemons or without them. */
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

/** The user who called this command, for the record of an operator's act: under sudo, the user who called sudo. */
export const callerName = (): string => process.env.SUDO_USER || userName();
