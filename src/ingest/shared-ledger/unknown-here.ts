/** Rows of the shared ledger that count as this host's and that its state does not know. */
import type { Backend, Reader } from '../../../queue/backend.js';
import { type HostsRow, rowsOf, type SharedState } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { contentOfGeneration } from '../ledger/content.js';
import { isClaimKnown } from '../outbox/claims.js';
import { isUntold } from '../outbox/outbox.js';

const PAGE = 1_000;

/** In pages. What is being asked for just now has a job that may still record it. Errors: SharedError. */
export async function* unknownHere(
  view: Pick<Backend, 'read'>,
  shared: Rows,
  host: string,
): AsyncGenerator<readonly HostsRow[]> {
  for (const state of ['stored', 'carried'] as const) yield* unknownIn(view, shared, host, state);
}

async function* unknownIn(
  view: Pick<Backend, 'read'>,
  shared: Rows,
  host: string,
  state: SharedState,
): AsyncGenerator<readonly HostsRow[]> {
  const isUnknown = state === 'stored' ? isUnknownStored : isUnknownCarried;
  for (let after: HostsRow | undefined; ; ) {
    const page: HostsRow[] = await rowsOf(shared, host, state, after, PAGE);
    yield view.read((reader) => page.filter((row) => isUnknown(reader, row)));
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}

/** Neither the ledger nor the outbox nor a job knows it. */
export function isUnknownCarried(reader: Reader, { claim, job }: HostsRow): boolean {
  if (isClaimKnown(reader, claim)) return false;
  const { state } = reader.get<{ state: string }>('SELECT state FROM all_jobs WHERE id = ?', job) ?? { state: 'done' };
  return state === 'done';
}

const isUnknownStored = (reader: Reader, { sha256, feed, generation }: HostsRow): boolean =>
  !isUntold(reader, sha256) && contentOfGeneration(reader, feed, sha256, generation) === undefined;
