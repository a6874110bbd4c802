/**
 * Whether DEST can be written to. Full, read-only or failing, it says the same of every path, so it is told once, asked again
 * every few seconds by one path, and told when it works again; nothing is given up meanwhile.
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

  /** What keeps it from being written to. */
  get code(): string | undefined {
    return this.#code;
  }

  /** True: try; what comes of it is to be told. */
  mayTry(nowMs: number): boolean {
    return this.#code === undefined || nowMs >= this.#askAgainMs;
  }

  /** 0: now. */
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

  /** Resolves when it may be tried. `meanwhile`: what is told may make room. */
  async wait(signal: AbortSignal, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    while (!this.mayTry(performance.now()) && !signal.aborted) {
      await meanwhile();
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
