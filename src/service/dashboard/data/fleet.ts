/**
 * The look at all hosts that everybody shares: asked of the shared ledger when somebody wants it, and at most every few seconds.
 * Does not: keep anybody waiting for longer than the ledger's own time-outs, or ask while nobody looks.
 */
import { SharedConnection } from '../../../fleet/connection.js';
import { type FleetReport, lookAtFleet } from '../../fleet/report.js';

const FRESH_MS = 5_000;

export class Fleet {
  readonly #shared: SharedConnection | undefined;
  #look: Promise<FleetReport> | undefined;
  #askedMs = 0;
  /** As it was last. */
  last: FleetReport = { ledger: null, at: new Date(0).toISOString(), hosts: [], findings: [] };

  /** Without `url` there is one host, and nothing is asked. */
  constructor(url: string | undefined) {
    this.#shared = url === undefined ? undefined : new SharedConnection(url);
  }

  async look(): Promise<FleetReport> {
    if (!this.#shared) return this.last;
    const nowMs = performance.now();
    if (!this.#look || nowMs - this.#askedMs > FRESH_MS) {
      this.#askedMs = nowMs;
      this.#look = lookAtFleet(this.#shared);
    }
    this.last = await this.#look;
    return this.last;
  }

  close = async (): Promise<void> => this.#shared?.close();
}
