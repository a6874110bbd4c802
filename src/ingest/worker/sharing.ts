/** The shared ledger of a worker: none until a feed has `--shared-ledger`. */
import type { Backend } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Remote } from '../health/remote.js';
import { urlOf } from '../sharing/check.js';
import { live, SharingRounds } from '../sharing/rounds.js';
import { SharedLedger } from '../sharing/shared-ledger.js';

export class Sharing implements Remote {
  readonly place = 'ledger';
  #shared: { ledger: SharedLedger; rounds: SharingRounds } | undefined;
  #isOver = false;

  constructor(
    private readonly backend: Backend,
    private readonly statePath: string,
    private readonly emit: Emit,
    private readonly isOnce: boolean,
  ) {}

  readonly ledgerAt = (url: string): SharedLedger => this.#at(url).ledger;

  readonly round = async (isLast = false): Promise<void> => {
    const url = urlOf(this.backend);
    if (url !== undefined && !this.#isOver) await this.#at(url).rounds.round(isLast);
  };

  async ask(): Promise<void> {
    const url = urlOf(this.backend);
    if (url !== undefined) await live(this.ledgerAt(url), this.isOnce);
  }

  /** All feeds of a state share with the same hosts. */
  #at(url: string): { ledger: SharedLedger; rounds: SharingRounds } {
    if (this.#shared?.ledger.url === url) return this.#shared;
    // A producer was started with another address. A connection to the former one that cannot be closed is of no use either.
    void this.#shared?.ledger.close().catch(() => {});
    const ledger = new SharedLedger(this.backend, this.statePath, url, this.emit);
    this.#shared = { ledger, rounds: new SharingRounds(ledger, this.isOnce) };
    return this.#shared;
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    await this.round(true);
    this.#isOver = true;
    await this.#shared?.ledger.close();
  }
}
