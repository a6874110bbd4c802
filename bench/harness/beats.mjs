/** Watches the heartbeats of the product's processes, where its parent does: by the locks on the owners file of the state. */
import { openStateView } from '../../dist/src/ingest/ledger/open-state.js';

const LOOK_MS = 100;

export class Beats {
  /** The longest that a beat stayed out, in ms, up to a look more. */
  longestMs = 0;
  #timer;
  #view;

  static async of(statePath) {
    const beats = new Beats();
    beats.#view = await openStateView(statePath);
    const last = new Map();
    beats.#timer = setInterval(() => {
      const atMs = performance.now();
      for (const { owner, alive, beat } of beats.#view.owners()) {
        if (last.get(owner)?.beat !== beat) last.set(owner, { beat, atMs });
        if (alive) beats.longestMs = Math.max(beats.longestMs, atMs - last.get(owner).atMs);
      }
    }, LOOK_MS);
    return beats;
  }

  end() {
    clearInterval(this.#timer);
    return this.#view.close();
  }
}
