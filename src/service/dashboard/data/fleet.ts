/**
 * The shared report of all hosts: read from the shared ledger on request, at most once every few seconds.
 * Does not: keep anybody waiting for longer than the ledger's own time-outs, or ask while no page is open.
 */
import { SharedConnection } from '../../../fleet/connection.js';
import { type FleetReport, lookAtFleet } from '../../fleet/report.js';

const FRESH_MS = 5_000;

export class Fleet {
  readonly #shared: SharedConnection | undefined;
  #report: Promise<FleetReport> | undefined;
  #askedMs = 0;
  /** The latest report. */
  last: FleetReport = { ledger: null, at: new Date(0).toISOString(), hosts: [], findings: [] };

  /** Without `url` there is one host, and nothing is asked. */
  constructor(url: string | undefined) {
    this.#shared = url === undefined ? undefined : new SharedConnection(url);
  }

  async report(): Promise<FleetReport> {
    if (!this.#shared) return this.last;
    const nowMs = performance.now();
    if (!this.#report || nowMs - this.#askedMs > FRESH_MS) {
      this.#askedMs = nowMs;
      this.#report = lookAtFleet(this.#shared);
    }
    this.last = await this.#report;
    return this.last;
  }

  close = async (): Promise<void> => this.#shared?.close();
}
