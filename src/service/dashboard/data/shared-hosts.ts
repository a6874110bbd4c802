/**
 * The report of the hosts that share a ledger (src/service/status/hosts.ts), for all pages and scrapes.
 * Guarantees: the ledger is asked when somebody asks here, one question at a time, at most one every few seconds.
 */
import type { QueueView } from '../../../../queue/index.js';
import { urlOf } from '../../../ingest/sharing/check.js';
import { SharedDatabase } from '../../../shared-ledger/database.js';
import { type HostsReport, lookAtHosts } from '../../status/hosts.js';
import { limits } from './limits.js';

export class SharedHosts {
  /** The newest report. A scrape takes this: it must not wait for a ledger that does not answer. */
  last: HostsReport = { ledger: null, hosts: [], findings: [] };
  #shared: { url: string; database: SharedDatabase } | undefined;
  #asking: Promise<HostsReport> | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly view: Pick<QueueView, 'feeds'>) {}

  async report(): Promise<HostsReport> {
    const url = urlOf(this.view);
    if (url === undefined || this.#asking) return this.#asking ?? this.last;
    const nowMs = performance.now();
    if (nowMs - this.#askedMs < limits.hostsEveryMs) return this.last;
    this.#askedMs = nowMs;
    this.#asking = this.#ask(url);
    try {
      this.last = await this.#asking;
    } finally {
      this.#asking = undefined;
    }
    return this.last;
  }

  close = async (): Promise<void> => this.#shared?.database.close();

  async #ask(url: string): Promise<HostsReport> {
    // A start of ingest may name another one.
    if (this.#shared?.url !== url) {
      await this.close();
      this.#shared = { url, database: new SharedDatabase(url) };
    }
    return lookAtHosts(this.#shared.database);
  }
}
