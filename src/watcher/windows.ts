/**
 * Delays paths: paths that were reported a moment ago, or that are gone and perhaps only renamed.
 * Guarantees: a delayed path is released at the end of its window, or earlier if there are too many. Memory is bounded.
 */
import type { ByteName } from '../linux/names.js';
import { merged } from './backend/hints.js';
import type { Hint } from './backend/types.js';
import { clockMs } from './engine/clock.js';

interface Window {
  untilMs: number;
  /** The hint of the delayed path. */
  by: Hint | undefined;
}

export class Windows {
  /** In the order of their ends, because all windows have the same length. */
  readonly #byPath = new Map<ByteName, Window>();
  readonly #waiting: (() => void)[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly lengthMs: number,
    private readonly max: number,
    private readonly release: (path: ByteName, by: Hint) => void,
  ) {}

  /** The number of delayed paths. */
  get held(): number {
    return this.#held;
  }

  /** Opens a window for the path: from now on, hints of it are delayed. With `by`, this hint is already delayed. */
  open(path: ByteName, by?: Hint): void {
    if (this.lengthMs === 0) {
      if (by !== undefined) this.release(path, by);
      return;
    }
    const held = by ?? this.#byPath.get(path)?.by;
    this.#drop(path);
    if (this.#byPath.size >= this.max) this.#endFirst();
    this.#byPath.set(path, { untilMs: clockMs() + this.lengthMs, by: held });
    if (held === undefined) return;
    this.#held += 1;
    this.#arm();
  }

  /** True: the hint is delayed and released later. False: there is no window, or it is over. */
  holds(path: ByteName, by: Hint): boolean {
    const window = this.#byPath.get(path);
    if (window === undefined) return false;
    // If a hint is already delayed, the timer is about to release it.
    if (window.by === undefined) {
      if (window.untilMs <= clockMs()) {
        this.#drop(path);
        return false;
      }
      this.#held += 1;
    }
    window.by = merged(window.by, by);
    this.#arm();
    return true;
  }

  /** Resolves when a delayed path is released, or on close. */
  released(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Safe to call twice. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#byPath.clear();
    this.#held = 0;
    this.#resolveReleased();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const [first] = this.#byPath.values();
    const ms = Math.max(0, Math.ceil(first!.untilMs - clockMs()));
    this.#timer = setTimeout(() => this.#endDue(), ms);
  }

  #endDue(): void {
    this.#timer = undefined;
    const nowMs = clockMs();
    for (const { untilMs } of this.#byPath.values()) {
      if (untilMs > nowMs) break;
      this.#endFirst();
    }
    if (this.#held > 0) this.#arm();
  }

  #endFirst(): void {
    const [path, { by }] = this.#byPath.entries().next().value!;
    this.#drop(path);
    if (by === undefined) return;
    this.release(path, by);
    this.#resolveReleased();
  }

  #resolveReleased(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #drop(path: ByteName): void {
    const window = this.#byPath.get(path);
    if (window === undefined) return;
    if (window.by !== undefined) this.#held -= 1;
    this.#byPath.delete(path);
  }
}
