/**
 * Turns at a manifest file within this process, in the order in which they were asked for.
 * Does not: separate processes. The owner of an append does that; within a process all appends have the same owner.
 */

class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `act` when it is the caller's turn; the turn lasts until `act` has ended. */
  async during<T>(file: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(file);
    const mine = before === undefined ? act() : before.then(act, act);
    this.#last.set(file, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(file) === mine) this.#last.delete(file);
    }
  }
}

/** One writer for each file: the stages and the reaper take turns. */
export const writingTurns = new Turns();
