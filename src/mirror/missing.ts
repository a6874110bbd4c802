/**
 * Logs that SOURCE or DEST is missing: once for each reason, and once when it is back.
 */
import type { Emit } from '../base/telemetry/emit.js';
import { DestMissing, SourceMissing } from './trees/failures.js';
import { destError, destMeaning, sourceError, sourceSays } from './trees/sentences.js';

export class Missing {
  #gone: 'source' | 'dest' | undefined;
  #code: string | undefined;

  constructor(
    private readonly paths: { source: string; dest: string },
    private readonly emit: Emit,
  ) {}

  /** The code of the error that a caller without patience would get; undefined: both are there. */
  get code(): string | undefined {
    return this.#gone === 'source' ? sourceSays(this.#code!).code : this.#gone && 'dest_missing';
  }

  /** Throws any other error again. */
  gone(error: unknown): void {
    const which = error instanceof SourceMissing ? 'source' : 'dest';
    if (!(error instanceof SourceMissing) && !(error instanceof DestMissing)) throw error;
    const { code } = error;
    if (this.#gone !== which || this.#code !== code) {
      const reason = which === 'source' ? sourceSays(code).meaning : destMeaning(code);
      this.emit(`${which}_missing`, { path: this.paths[which], code, reason });
    }
    this.#gone = which;
    this.#code = code;
  }

  back(): void {
    if (this.#gone !== undefined) this.emit(`${this.#gone}_back`, { path: this.paths[this.#gone] });
    this.#gone = undefined;
  }

  /** Converts the error for a caller that does not wait. */
  asOperators(error: unknown): unknown {
    if (error instanceof SourceMissing) return sourceError(this.paths.source, error.code);
    return error instanceof DestMissing ? destError(this.paths.dest, error.code) : error;
  }
}
