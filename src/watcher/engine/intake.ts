/**
 * Collects input between two deliveries: hints from events, as queued paths, and requests for scans.
 * Guarantees: paths that do not fit become a scan of the whole tree, which is emitted once.
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
  /** The file that was renamed away last. The event with its new name follows directly. */
  #left: ByteName | undefined;

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'target' | 'enters' | 'everything' | 'recursive' | 'emit'>,
    private readonly marks: PathQueue,
    /**
     * A function, because the schedule is created after the intake: the schedule asks the intake whether a directory is
     * entered.
     */
    private readonly schedule: () => Schedule,
    /** There is work to do. */
    private readonly ring: () => void,
    private readonly presence: Pick<Presence, 'noteGone'>,
  ) {}

  onFile(path: ByteName, by: Hint, patient: boolean): void {
    const target = this.options.target(path, false);
    if (target !== undefined) this.mark(target, this.options.everything ? this.#along(path, by) : by, patient);
  }

  /**
   * A write is reported under the name of that time, which may be gone when the path is checked. So the hint moves
   * along with the file.
   */
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
