/**
 * Turns at a manifest file within this process, in the order in which they were asked for.
 * Does not: separate processes. The owner of an append does that; within a process all appends have the same owner.
 */

interface Turn {
  ended: Promise<void>;
  end: () => void;
}

export class Turns {
  readonly #last = new Map<string, Turn>();
  readonly #current = new Map<string, Turn>();

  /** `patienceMs`: after this time of waiting a turn begins in any case. Without it, a turn lasts until it is ended. */
  constructor(private readonly patienceMs?: number) {}

  /** Resolves when it is the caller's turn, which lasts until `end`. */
  async begin(file: string): Promise<void> {
    const before = this.#last.get(file);
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const mine: Turn = { ended, end };
    this.#last.set(file, mine);
    if (before) await this.#endOf(before);
    this.#current.set(file, mine);
  }

  /** Ends the current turn at the file, if there is one. */
  end(file: string): void {
    const turn = this.#current.get(file);
    if (turn === undefined) return;
    this.#current.delete(file);
    if (this.#last.get(file) === turn) this.#last.delete(file);
    turn.end();
  }

  async during<T>(file: string, act: () => Promise<T>): Promise<T> {
    await this.begin(file);
    try {
      return await act();
    } finally {
      this.end(file);
    }
  }

  #endOf({ ended }: Turn): Promise<void> {
    if (this.patienceMs === undefined) return ended;
    return new Promise((resolve) => {
      const late = setTimeout(resolve, this.patienceMs);
      void ended.then(() => {
        clearTimeout(late);
        resolve();
      });
    });
  }
}

/** One writer for each file: the stages and the reaper take turns. */
export const writingTurns = new Turns();

/**
 * One planner for each file, until its lines are written. A file has one open append. A batch that plans while another one has it
 * plans in vain, and its content rows are written twice (half of the batches of a million files did). Correctness does not depend on
 * these turns: the append itself answers that it is busy. The patience is longer than an append takes, even on a busy disk.
 */
export const planningTurns = new Turns(1_000);
