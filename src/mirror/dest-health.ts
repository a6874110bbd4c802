/**
 * Tracks whether DEST can be written to. If it is full, read-only or failing, every path fails alike. So this is logged
 * once, then tried every few seconds with one path, and logged when it works again. No path is given up meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Emit } from '../base/telemetry/emit.js';
import { limits } from './trees/limits.js';

const PAUSE_MS = 50;

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

  /** Resolves when a path may be tried. `meanwhile` runs while waiting: applying changes may free space. */
  async wait(signal: AbortSignal, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    while (!this.mayTry(performance.now()) && !signal.aborted) {
      await meanwhile();
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
