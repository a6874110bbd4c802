/**
 * Decides what a failure means. A failure of one path is recorded, and the path is tried again; a failure of everything
 * is thrown.
 */
import type { Emit } from '../base/telemetry/emit.js';
import type { ByteName } from '../linux/index.js';
import { GaveWay } from './acts/large-copies.js';
import type { Rechecks } from './changes/rechecks.js';
import type { Retries } from './retries.js';
import { CannotMirror, codeOf, DestMissing, isGone, SourceMissing, speaksOfDest } from './trees/failures.js';
import { limits } from './trees/limits.js';

export class Trouble {
  constructor(
    readonly retries: Retries,
    readonly destHealth: DestHealth,
    /** Present if there are events. */
    readonly rechecks?: Rechecks | undefined,
  ) {}

  /** Infinity: nothing waits to be tried or checked again. */
  nextMs(): number {
    return Math.max(
      this.destHealth.tryAtMs,
      Math.min(this.retries.nextMs(), this.rechecks?.nextMs() ?? Number.POSITIVE_INFINITY),
    );
  }

  /** True if more paths waited than are kept, so that everything must be scanned. Returns that once. */
  takeTooMany(): boolean {
    const tooMany = this.retries.tooMany || this.rechecks?.tooMany === true;
    this.retries.tooMany = false;
    if (this.rechecks) this.rechecks.tooMany = false;
    return tooMany;
  }

  /** Errors: SourceMissing, DestMissing, and bugs. */
  async guarded(path: ByteName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failed(path, error);
    }
  }

  failed(path: ByteName, error: unknown): void {
    if (error instanceof SourceMissing || error instanceof DestMissing) throw error;
    // The caller that made it give way checks the path itself.
    if (error instanceof GaveWay) return;
    const code = codeOf(error);
    const reason = (error as Error).message;
    if (isGone(error)) this.retries.failed(path, 'changing', reason, false);
    else if (code === undefined) throw error;
    else {
      const ofDest = speaksOfDest(error);
      if (ofDest) this.destHealth.failed(code, reason);
      // One entry for all below it.
      const at = error instanceof CannotMirror ? (error.at ?? path) : path;
      this.retries.failed(at, code, reason, !ofDest);
    }
  }
}

/**
 * Tracks whether DEST can be written to. If it is full, read-only or failing, every path fails alike. So this is logged
 * once, then tried every few seconds with one path, and logged when it works again. No path is given up meanwhile.
 */
export class DestHealth {
  #code: string | undefined;
  #askAgainMs = 0;

  constructor(
    private readonly path: string,
    private readonly emit: Emit,
    private readonly goesOn: () => void = () => {},
  ) {}

  /** The error that prevents writing. */
  get code(): string | undefined {
    return this.#code;
  }

  /** True: one path may be tried, and its result must be reported here. */
  mayTry(nowMs: number): boolean {
    return this.#code === undefined || nowMs >= this.#askAgainMs;
  }

  /** When to try next; 0: now. */
  get tryAtMs(): number {
    return this.#code === undefined ? 0 : this.#askAgainMs;
  }

  failed(code: string, reason: string): void {
    this.#askAgainMs = performance.now() + limits.placeRetryMs;
    if (this.#code === undefined) this.emit('replica_waiting', { dest: this.path, code, reason });
    this.#code = code;
  }

  worked(): void {
    if (this.#code === undefined) return;
    this.emit('replica_goes_on', { dest: this.path, code: this.#code });
    this.#code = undefined;
    this.goesOn();
  }
}
