/**
 * Decides what a failure means. A failure of one path is recorded, and the path is tried again; a failure of everything
 * is thrown.
 */
import type { ByteName } from '../linux/index.js';
import { GaveWay } from './acts/large-copies.js';
import type { Rechecks } from './changes/rechecks.js';
import type { DestHealth } from './dest-health.js';
import type { Retries } from './retries.js';
import { codeOf, DestMissing, isGone, SourceMissing, speaksOfDest } from './trees/failures.js';

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
      this.retries.failed(path, code, reason, !ofDest);
    }
  }
}
