/**
 * What comes in between two hand-overs: hints of the tree's events as marks, and wishes for scans.
 * Guarantees: what does not fit becomes a scan of the whole tree, which is told once.
 */
import type { ByteName } from '../../linux/names.js';
import type { TreeHooks } from '../backend/backend.js';
import { isWritten } from '../backend/hints.js';
import type { EngineOptions, Hint } from '../backend/types.js';
import { clockMs } from './clock.js';
import type { PathQueue } from './path-queue.js';
import type { Presence } from './presence.js';
import type { Schedule } from './schedule.js';

export class Intake implements TreeHooks {
  #overflows = 0;
  /** The file that was renamed away last: where it went is told at once. */
  #left: ByteName | undefined;

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'target' | 'enters' | 'everything' | 'recursive' | 'emit'>,
    private readonly marks: PathQueue,
    /** Made after this one, for it asks back whether a directory is entered. */
    private readonly schedule: () => Schedule,
    /** Something is there to do. */
    private readonly ring: () => void,
    private readonly presence: Pick<Presence, 'noteGone'>,
  ) {}

  onFile(path: ByteName, by: Hint, patient: boolean): void {
    const target = this.options.target(path, false);
    if (target !== undefined) this.mark(target, this.options.everything ? this.#along(path, by) : by, patient);
  }

  /** A write is told by the name of its time, which may be gone by the look: it goes along with the file. */
  #along(path: ByteName, by: Hint): Hint {
    if (by === 'moved') this.#left = path;
    const left = by === 'rename' && this.#left !== undefined ? this.marks.hintOf(this.#left) : undefined;
    return left !== undefined && isWritten(left) ? 'written_renamed' : by;
  }

  onDirectory(path: ByteName, by: 'rename' | 'write'): void {
    if (this.options.everything) this.#onDirectoryItself(path, by);
    this.wantDirectory(path);
  }

  onDirectoryGone(path: ByteName, by: 'delete' | 'moved'): void {
    this.#onDirectoryItself(path, by);
  }

  onOverflow(): void {
    this.#overflows += 1;
    this.options.emit({ event: 'overflow', total: this.#overflows });
    this.schedule().want('overflow');
    this.ring();
  }

  onRootGone(): void {
    this.presence.noteGone();
    this.ring();
  }

  mark(path: ByteName, by: Hint, patient: boolean): void {
    this.ring();
    if (this.marks.add(path, by, clockMs(), patient)) return;
    if (this.schedule().want('marks_full')) this.options.emit({ event: 'marks_full' });
  }

  wantDirectory(path: ByteName): void {
    if (!this.enters(path)) return;
    this.schedule().wantDirectory(path);
    this.ring();
  }

  enters(path: ByteName): boolean {
    return this.options.recursive && this.options.enters(path);
  }

  #onDirectoryItself(path: ByteName, by: Hint): void {
    const target = this.options.target(path, true);
    if (target !== undefined) this.mark(target, by, false);
  }
}
