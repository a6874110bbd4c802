/** What goes wrong with a path is noted with it, and it waits to be tried again; what goes wrong with all of them is thrown. */
import type { ByteName } from '../linux/index.js';
import { GaveWay } from './acts/large-copies.js';
import type { Place } from './place.js';
import type { Retries } from './retries.js';
import type { Untold } from './told/untold.js';
import { codeOf, DestMissing, isGone, SourceMissing, speaksOfDest } from './trees/failures.js';

export class Trouble {
  constructor(
    readonly retries: Retries,
    readonly place: Place,
    /** Where somebody tells of changes. */
    readonly untold?: Untold | undefined,
  ) {}

  /** Infinity: nothing waits to be tried or looked at again. */
  nextMs(): number {
    return Math.max(
      this.place.tryAtMs,
      Math.min(this.retries.nextMs(), this.untold?.nextMs() ?? Number.POSITIVE_INFINITY),
    );
  }

  /** More waited than is kept: everything is to be looked at. Answers so once. */
  takeTooMany(): boolean {
    const tooMany = this.retries.tooMany || this.untold?.tooMany === true;
    this.retries.tooMany = false;
    if (this.untold) this.untold.tooMany = false;
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
    // Whoever asked for it looks at the path.
    if (error instanceof GaveWay) return;
    const code = codeOf(error);
    const reason = (error as Error).message;
    if (isGone(error)) this.retries.failed(path, 'changing', reason, false);
    else if (code === undefined) throw error;
    else {
      const ofDest = speaksOfDest(error);
      if (ofDest) this.place.failed(code, reason);
      this.retries.failed(path, code, reason, !ofDest);
    }
  }
}
