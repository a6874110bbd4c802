/**
 * The report of the hosts that share a ledger, for all pages: asked while somebody looks, once every few seconds at most.
 * Guarantees: nobody waits for a ledger that does not answer; the newest report is given until the next one has come.
 */
import type { QueueView } from '../../../../queue/index.js';
import { urlOf } from '../../../ingest/sharing/check.js';
import { SharedDatabase } from '../../../shared-ledger/database.js';
import { type HostsReport, lookAtHosts } from '../../status/hosts.js';
import { limits } from './limits.js';

/** Its reports are undefined where no feed shares, and before the first one has come. */
export function hostsReader(view: Pick<QueueView, 'feeds'>): () => HostsReport | undefined {
  let shared: { url: string; database: SharedDatabase } | undefined;
  let last: HostsReport | undefined;
  let dueMs = 0;
  const ask = async (url: string): Promise<void> => {
    dueMs = Number.POSITIVE_INFINITY;
    if (shared?.url !== url) {
      // The producer was started with another address. A connection to the former one that cannot be closed is of no use either.
      void shared?.database.close().catch(() => {});
      shared = { url, database: new SharedDatabase(url) };
    }
    last = await lookAtHosts(shared.database);
    dueMs = performance.now() + limits.hostsEveryMs;
  };
  return () => {
    const url = urlOf(view);
    if (url !== undefined && performance.now() >= dueMs) void ask(url);
    return last;
  };
}
