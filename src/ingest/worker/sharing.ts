/** The shared ledger of a worker: none until a feed has `--shared-ledger`. */
import type { Backend } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Remote } from '../health/remote.js';
import { live, SharingRounds } from '../sharing/rounds.js';
import { SharedLedger } from '../sharing/shared-ledger.js';
import type { Feeds } from './feeds.js';

export class Sharing implements Remote {
  readonly place = 'ledger';
  #ledger: SharedLedger | undefined;
  #rounds: SharingRounds | undefined;
  #isOver = false;

  constructor(
    private readonly backend: Backend,
    private readonly statePath: string,
    private readonly feeds: Feeds,
    private readonly emit: Emit,
    private readonly isOnce: boolean,
  ) {}

  /** All feeds of a state share with the same hosts. */
  readonly ledgerAt = (url: string): SharedLedger =>
    (this.#ledger ??= new SharedLedger(this.backend, this.statePath, url, this.emit));

  readonly round = async (isLast = false): Promise<void> => {
    const url = this.#url();
    if (url === undefined || this.#isOver) return;
    this.#rounds ??= new SharingRounds(this.ledgerAt(url), this.isOnce);
    await this.#rounds.round(isLast);
  };

  async ask(): Promise<void> {
    const url = this.#url();
    if (url !== undefined) await live(this.ledgerAt(url), this.isOnce);
  }

  #url = (): string | undefined =>
    this.feeds
      .names()
      .map((name) => this.feeds.optionsOf(name)?.sharedLedger)
      .find((one) => one !== undefined);

  async close(): Promise<void> {
    if (this.#isOver) return;
    await this.round(true);
    this.#isOver = true;
    await this.#ledger?.close();
  }
}
