/**
 * Tracks whether the root is there. Emits when it goes, once for each reason, and once when it is back.
 * Does not: react to that; the engine does.
 */
import type { ByteName } from '../../linux/names.js';
import type { Backend, OpenDirectory } from '../backend/backend.js';
import type { EngineEvent, OpenRoot } from '../backend/types.js';
import { Root, RootMissing } from './root.js';

export class Presence {
  /** Increased whenever the root was missing, moved or replaced, also if it was back at once. */
  absences = 0;
  readonly #root: Root;
  #gone = false;
  #failed: string | undefined;
  /** Why the root is missing; undefined while it is there. */
  #missing: string | undefined;
  /** True between `enter` and `leave`. */
  #inRound = false;

  constructor(
    path: ByteName,
    backend: Backend,
    private readonly emit: (event: EngineEvent) => void,
    /** Asks for an `enter`. */
    private readonly ring: () => void,
  ) {
    this.#root = new Root(path, backend);
  }

  /** Only valid between `enter` and `leave`. */
  get root(): OpenDirectory {
    return this.#root.directory;
  }

  /** The root, until `giveBack`. Undefined: it is missing, or was replaced and will be scanned. */
  borrow(): OpenRoot | undefined {
    if (!this.doubtful && this.#missing === undefined && this.#root.enterSame()) return this.#root.directory;
    this.#gone = this.#missing === undefined;
    this.ring();
    return undefined;
  }

  /** True if this is the root that is open now. Another one may have been entered since it was borrowed. */
  isOpen(root: OpenRoot): boolean {
    return this.#root.directory === root;
  }

  /** Safe to call twice. */
  giveBack(): void {
    if (!this.#inRound) this.#root.leave();
  }

  /**
   * An event said that the root was removed, moved or unmounted. Its descriptor may be in use until the next `enter`.
   */
  noteGone(): void {
    this.#gone = true;
  }

  /** The root could not be read: it counts as missing until a later `enter`. */
  noteFailed(code: string): void {
    this.#failed = code;
  }

  /** The last read of the root may not have returned everything that is in it. */
  get doubtful(): boolean {
    return this.#gone || this.#failed !== undefined;
  }

  /**
   * Opens the root. After `first` and `again`, nothing known about the old root is valid. `prepare` runs then, and may
   * fail too.
   */
  enter(prepare: (root: OpenDirectory) => void): 'same' | 'first' | 'again' | 'missing' {
    if (this.#gone || this.#failed !== undefined) this.#root.forget();
    this.#gone = false;
    this.#inRound = true;
    try {
      this.#throwFailed();
      const state = this.#root.enter();
      if (state === 'same' && this.#missing === undefined) return 'same';
      this.absences += 1;
      prepare(this.#root.directory);
      if (this.#missing !== undefined) this.emit({ event: 'root_back' });
      else if (state === 'replaced') this.emit({ event: 'root_replaced' });
      this.#missing = undefined;
      return state === 'first' ? 'first' : 'again';
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      this.#root.leave();
      this.absences += 1;
      if (this.#missing !== code) this.emit({ event: 'root_missing', code });
      this.#missing = code;
      return 'missing';
    }
  }

  #throwFailed(): void {
    const code = this.#failed;
    this.#failed = undefined;
    if (code !== undefined) throw new RootMissing(code);
  }

  /** Until the next `enter`, the root can be unmounted. Safe to call twice. */
  leave(): void {
    this.#inRound = false;
    this.#root.leave();
  }
}
