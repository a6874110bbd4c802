/** A state that shares its ledger, and the option that says with whom: one without the other would store contents twice. */
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import { JOINING, sharingHost } from '../ledger/host.js';

/** The address that the feeds of a state have; undefined where it shares nothing. */
export const urlOf = (view: Pick<QueueView, 'feeds'>): string | undefined =>
  view
    .feeds()
    .map(({ options }) => (options as unknown as FeedOptions).sharedLedger)
    .find((one) => one !== undefined);

/** A state has one address, the last one that was given: also for feeds that are not configured any more. */
export async function noteAddress(backend: Backend, [given]: readonly FeedOptions[]): Promise<void> {
  const sharedLedger = given?.sharedLedger;
  if (sharedLedger === undefined) return;
  for (const { name, options } of backend.feeds()) await backend.putFeed(name, { ...options, sharedLedger });
}

/** Errors: EnvironmentError. */
export function checkSharing(state: Pick<QueueView, 'read'>, statePath: string, feeds: readonly FeedOptions[]): void {
  const host = state.read(sharingHost);
  const without = feeds.find(({ sharedLedger }) => sharedLedger === undefined);
  const url = feeds.find(({ sharedLedger }) => sharedLedger !== undefined)?.sharedLedger;
  if (host !== undefined && without)
    throw new EnvironmentError(
      'shared_ledger_missing',
      `the state ${statePath} shares its ledger with other hosts (as ${host.name}), so feed ${without.name} needs --shared-ledger: without it a content may be stored twice.`,
    );
  if (url === undefined) return;
  if (without)
    throw new EnvironmentError(
      'shared_ledger_missing',
      `feed ${without.name} has no --shared-ledger, and another feed of the state ${statePath} has: it holds for all feeds of a state, so write it at the top level of the file.`,
    );
  const urls = new Set(feeds.map(({ sharedLedger }) => sharedLedger));
  if (urls.size > 1)
    throw new EnvironmentError(
      'shared_ledger_differs',
      `the feeds of the state ${statePath} name ${urls.size} shared ledgers, but a state has one: write one --shared-ledger at the top level of the file.`,
    );
  if (host !== undefined && host.cursor !== JOINING) return;
  throw new EnvironmentError(
    'shared_ledger_not_joined',
    `--shared-ledger needs a host that has joined, and the state ${statePath} has not${host ? ' finished that' : ''}: run ${typed('ingest-ctl host join', host?.name ?? 'NAME', '--shared-ledger', url, '--state-path', statePath)} first.`,
  );
}
