/** Waits for a time or a call, whichever comes first; a call that came before the wait counts. */
export class Wake {
  #rung = false;
  #resolve: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#resolve?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung && ms > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
      });
      clearTimeout(timer);
    }
    this.#resolve = undefined;
    this.#rung = false;
  }
}
