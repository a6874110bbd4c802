/**
 * The bounded queue of paths between the events and the one loop that delivers them.
 * Guarantees: a path that was added is taken later with its last cause (with `prompt`: with the merged cause of
 * hints.ts). If there is no room, `add` returns false and the caller requests a scan. A path that is written to without
 * end is taken about once a second.
 * Does not: look at files. A creation is delayed for up to a second, because its close or rename usually follows. With
 * `prompt`, nothing is delayed.
 */
import type { ByteName } from '../../linux/names.js';
import { merged } from '../backend/hints.js';
import { limits } from '../backend/limits.js';
import type { Hint, QueuedPath } from '../backend/types.js';

export class PathQueue {
  readonly #due = new Map<ByteName, Hint>();
  readonly #later = new Map<ByteName, Hint>();
  /** Paths taken because of a write, in the current and in the previous period of `rewriteMs`. */
  #recent = new Set<ByteName>();
  #older = new Set<ByteName>();
  #recentSinceMs = 0;
  #laterSinceMs = 0;
  #bytes = 0;

  constructor(private readonly prompt = false) {}

  get size(): number {
    return this.#due.size + this.#later.size;
  }

  /** When the delayed paths are due; Infinity if there are none. */
  get laterAtMs(): number {
    return this.#later.size > 0 ? this.#laterSinceMs + limits.rewriteMs : Number.POSITIVE_INFINITY;
  }

  /** The hint of a path that is due. */
  hintOf(path: ByteName): Hint | undefined {
    return this.#due.get(path);
  }

  has(path: ByteName): boolean {
    return this.#due.has(path) || this.#later.has(path);
  }

  /** False: the queue is full and the path was not added. `patient`: more events of this path are likely to follow. */
  add(path: ByteName, by: Hint, nowMs: number, patient = false): boolean {
    const due = this.#due.get(path);
    if (due !== undefined) {
      this.#due.set(path, this.prompt ? merged(due, by) : by);
      return true;
    }
    const hold = !this.prompt && (patient || (by === 'write' && this.#wasTaken(path, nowMs)));
    const known = this.#later.has(path);
    if (!known && !this.#fits(path)) return false;
    if (hold) {
      if (this.#later.size === 0) this.#laterSinceMs = nowMs;
      this.#later.set(path, by);
    } else {
      this.#later.delete(path);
      this.#due.set(path, by);
    }
    if (!known) this.#bytes += path.length;
    return true;
  }

  /** Returns up to `max` paths that are due. */
  take(max: number, nowMs: number): QueuedPath<Hint>[] {
    if (nowMs >= this.laterAtMs) this.#releaseLater();
    const taken: QueuedPath<Hint>[] = [];
    for (const [path, by] of this.#due) {
      if (taken.length === max) break;
      this.#due.delete(path);
      this.#bytes -= path.length;
      if (by === 'write' && !this.prompt) this.#remember(path, nowMs);
      taken.push({ path, by });
    }
    return taken;
  }

  #releaseLater(): void {
    for (const [path, by] of this.#later) this.#due.set(path, by);
    this.#later.clear();
  }

  #wasTaken(path: ByteName, nowMs: number): boolean {
    return nowMs - this.#recentSinceMs < 2 * limits.rewriteMs && (this.#recent.has(path) || this.#older.has(path));
  }

  #fits(path: ByteName): boolean {
    return this.size < limits.queuedPathsMax && this.#bytes + path.length <= limits.queuedBytesMax;
  }

  #remember(path: ByteName, nowMs: number): void {
    if (nowMs - this.#recentSinceMs >= limits.rewriteMs) {
      this.#older = nowMs - this.#recentSinceMs < 2 * limits.rewriteMs ? this.#recent : new Set();
      this.#recent = new Set();
      this.#recentSinceMs = nowMs;
    }
    if (this.#recent.size < limits.rewritesMax) this.#recent.add(path);
  }
}
