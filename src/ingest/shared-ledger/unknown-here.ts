/**
 * Rows of the shared ledger that belong to this host and that its state does not know.
 * Does not: count a row whose job is still asking; that job may record it yet.
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import { type HostsRow, rowsOf, type SharedState } from '../../fleet/compare.js';
import type { Rows } from '../../fleet/connection.js';
import { contentOfGeneration } from '../ledger/content.js';
import { isClaimKnown } from '../outbox/claims.js';
import { isUnsent } from '../outbox/outbox.js';

const PAGE = 1_000;

/** In pages. Errors: SharedError. */
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

/** True where neither the ledger nor the outbox nor an open job knows the row. */
export function isUnknownCarried(reader: Reader, { claim, job }: HostsRow): boolean {
  if (isClaimKnown(reader, claim)) return false;
  const { state } = reader.get<{ state: string }>('SELECT state FROM all_jobs WHERE id = ?', job) ?? { state: 'done' };
  return state === 'done';
}

const isUnknownStored = (reader: Reader, { sha256, feed, generation }: HostsRow): boolean =>
  !isUnsent(reader, sha256) && contentOfGeneration(reader, feed, sha256, generation) === undefined;
