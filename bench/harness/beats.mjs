/** Watches the heartbeats of the product's processes, where its parent does: in the owners file of the state. */
import { openStateView } from '../../dist/src/ledger/open-state.js';
import { host } from '../../dist/src/linux/index.js';

const LOOK_MS = 100;

export class Beats {
  /** The longest that a beat stayed out, in ms. */
  longestMs = 0;
  #timer;
  #view;

  static async of(statePath) {
    const beats = new Beats();
    beats.#view = await openStateView(statePath);
    const { bootMs } = host();
    beats.#timer = setInterval(() => {
      for (const { alive, beatMs } of beats.#view.owners())
        if (alive) beats.longestMs = Math.max(beats.longestMs, bootMs() - beatMs);
    }, LOOK_MS);
    return beats;
  }

  end() {
    clearInterval(this.#timer);
    return this.#view.close();
  }
}
