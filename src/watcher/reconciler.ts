/**
 * Turns paths that may have changed into events: what lies there now against what was told.
 * Guarantees: whoever applies all events has the tree whenever nothing is left to tell; a directory is told before what
 * it holds, and deleted after it; a file that is found under another name than it was told by is told as renamed.
 * Does not: decide when to look (engine and windows do). One call at a time.
 */
import { folderOf } from '../files/places.js';
import type { ByteName } from '../linux/names.js';
import { differs, isSame } from './compare.js';
import type { Hint, Mark, ScanStep } from './engine/types.js';
import { limits } from './limits.js';
import { Links, tellNames } from './links.js';
import { moveBelow, tellAgain, tellBelow } from './moves.js';
import type { Entry, Known, Picture, Seen } from './picture.js';
import type { Looker } from './seen.js';
import { noteSilently } from './silence.js';
import { sweep } from './sweep.js';
import type { EventCause, ReconcilerHooks, Telling } from './telling.js';

export class Reconciler {
  /** While true, what is found is noted and not told. */
  silent = false;
  readonly #links = new Links();
  #looker!: Looker;
  #cause: EventCause = 'event';
  /** Events were lost: what changed may show in the ctime alone. */
  #strict = false;
  /** Nothing was known of the tree: all that is known at the end of the first scan was met by it, or told by an event. */
  readonly #fresh: boolean;

  constructor(
    readonly picture: Picture,
    readonly hooks: ReconcilerHooks,
  ) {
    this.#fresh = picture.isEmpty;
  }

  /** Errors: those of the looker that say nothing of a path (EMFILE, …), of the picture, and of `room`. */
  async run(marks: readonly Mark<Hint>[], looker: Looker, step?: ScanStep): Promise<void> {
    this.#looker = looker;
    this.#cause = causeOf(step);
    this.#strict = this.#cause === 'overflow';
    try {
      await (this.silent ? noteSilently(this, marks) : this.#settle(marks));
      if (step !== undefined && !(this.#fresh && step.cause === 'start')) await sweep(this, step);
    } finally {
      this.picture.commit();
    }
  }

  async #settle(marks: readonly Mark<Hint>[]): Promise<void> {
    const arrived: { path: ByteName; by: Hint }[] = [];
    const changed: { path: ByteName; by: Hint }[] = [];
    const gone: { path: ByteName; by: Hint }[] = [];
    for (const { path, by } of marks) {
      // Nothing is awaited that is not there: a promise a path is more garbage than all else of a look.
      const ino = this.#links.inodeOnceAt(path);
      if (ino !== undefined) await this.#tellOtherNames(ino);
      const seen = this.look(path);
      if (seen === 'unknown') continue;
      const known = this.picture.get(path);
      if (seen === undefined) {
        if (known !== undefined) gone.push({ path, by });
      } else if (known?.file !== seen.file) arrived.push({ path, by });
      else if (differs(known, seen, by, this.#strict)) changed.push({ path, by });
      else if (seen.kind === 'directory' && by === 'rename') await tellAgain(this, known);
      // Written in the midst of a look at all its names: those before it were not told.
      else if (seen.links > 1 && by !== 'scan') await this.#tellOtherNames(seen.ino);
    }
    // First what came, so that it finds under which name it was known; each directory before what it holds.
    if (arrived.length > 1) arrived.sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const { path, by } of arrived) await this.#arrive(path, by);
    for (const { path, by } of changed) await this.#change(path, by);
    for (const { path, by } of gone) await this.#leave(path, by);
  }

  #tellOtherNames = (ino: number): Promise<void> => tellNames(this, ino, this.#strict);

  /** What lies there and is told; 'unknown': it could not be looked at. */
  look(path: ByteName): Seen | undefined | 'unknown' {
    try {
      const entry = this.#looker.look(path);
      this.hooks.seen(path);
      return entry !== undefined && this.hooks.tells(path, entry.kind === 'directory') ? entry : undefined;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || OURS.has(code)) throw error;
      this.hooks.failed(path, code);
      return 'unknown';
    }
  }

  /** Another file than was told lies at the path, or nothing was told of it. */
  async #arrive(path: ByteName, by: Hint): Promise<void> {
    await this.#tellParents(path);
    const seen = this.look(path);
    if (seen === undefined || seen === 'unknown') return;
    const known = this.picture.get(path);
    if (known?.file === seen.file && !differs(known, seen, by, this.#strict)) return;
    await this.clear(known, seen);
    const origin = this.#originOf(path, seen);
    if (origin === undefined) await this.put(path, seen);
    else if (seen.kind === 'directory') await moveBelow(this, origin, path, seen);
    else await this.tellRename(origin, path, seen);
    if (seen.links > 1) await this.#tellOtherNames(seen.ino);
    if (seen.kind === 'directory' && by !== 'scan') this.hooks.directory(path);
  }

  /** Something else takes the place of what was known. */
  async clear(known: Known | undefined, seen: Entry): Promise<void> {
    if (known === undefined || known.file === seen.file) return;
    if (known.kind !== 'directory') await this.#lose(known);
    else if (seen.kind !== 'directory') await this.leaveBelow(known.path);
    // It may be one that was here before another came, with what was told below it.
    else await tellBelow(this, known.path);
  }

  /** The name by which a file was told that is found at `path` now, and not there any more. */
  #originOf(path: ByteName, seen: Entry): Known | undefined {
    for (const twin of this.picture.namesOf(seen.ino, undefined, limits.twinsMax)) {
      if (twin.path === path || !isSame(twin, seen)) continue;
      const there = this.look(twin.path);
      if (there === 'unknown' || there?.file === seen.file) continue;
      // Where a directory lies again, what is told below it may be of that one.
      if (seen.kind !== 'directory' || there?.kind !== 'directory') return twin;
    }
    return undefined;
  }

  async #change(path: ByteName, by: Hint): Promise<void> {
    const [seen, known] = [this.look(path), this.picture.get(path)];
    if (seen === undefined || seen === 'unknown' || !known) return;
    // Others were told since it was looked at: it may be another file by now, or told by another of its names.
    if (known.file !== seen.file) return this.#arrive(path, by);
    if (!differs(known, seen, by, this.#strict)) return;
    await this.put(path, seen);
    if (seen.links > 1) await this.#tellOtherNames(seen.ino);
  }

  async #leave(path: ByteName, by: Hint): Promise<void> {
    const known = this.picture.get(path);
    if (known === undefined) return;
    if (by === 'delete') await this.delete(known);
    else this.hooks.later(path);
  }

  async delete(known: Known): Promise<void> {
    if (known.kind === 'directory') await this.leaveBelow(known.path);
    await this.remove(known);
  }

  /** Tells all that was told below a directory as deleted. */
  async leaveBelow(path: ByteName): Promise<void> {
    for (;;) {
      const last = this.picture.lastBelow(path, limits.pageMax);
      if (last.length === 0) return;
      for (const known of last) await this.remove(known);
    }
  }

  async #tellParents(path: ByteName): Promise<void> {
    const parent = folderOf(path);
    if (parent === '' || this.picture.get(parent)?.kind === 'directory') return;
    await this.#arrive(parent, 'write');
  }

  /** Others have their turn, and directories may move. */
  async turn(): Promise<void> {
    this.picture.commit();
    await new Promise((resolve) => setImmediate(resolve));
    this.#looker.forget();
  }

  async put(path: ByteName, entry: Entry, renameId?: string): Promise<void> {
    await this.#room();
    this.picture.put(path, entry, this.#tell({ operation: 'put', path, entry, cause: this.#cause, renameId }));
  }

  async remove(known: Known, renameId?: string): Promise<void> {
    await this.#room();
    const { path } = known;
    this.picture.remove(path, this.#tell({ operation: 'delete', path, entry: known, cause: this.#cause, renameId }));
    await this.#lose(known);
  }

  /** It may have been written just before its name went, and that was told by this name alone. */
  #lose(known: Known): Promise<void> | undefined {
    this.#links.removed(known);
    return known.kind === 'directory' ? undefined : this.#tellOtherNames(known.ino);
  }

  async tellRename(from: Known, to: ByteName, entry: Entry): Promise<void> {
    const id = this.hooks.renameId();
    await this.remove(from, id);
    // Nobody takes the first half alone: the second may be one more than the buffer holds.
    this.picture.put(to, entry, this.#tell({ operation: 'put', path: to, entry, cause: this.#cause, renameId: id }));
  }

  #tell(telling: Telling): number {
    return this.silent ? 0 : this.hooks.tell(telling);
  }

  #room(): Promise<void> | undefined {
    if (this.silent) return undefined;
    const room = this.hooks.room(this.#cause);
    if (room === undefined) return undefined;
    this.picture.commit();
    return room.then(() => this.#looker.forget());
  }
}

/** They say nothing of the path: worth the same try again. */
const OURS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EBADF', 'ESTALE']);

function causeOf(step: ScanStep | undefined): EventCause {
  if (step === undefined || step.cause === 'new') return 'event';
  return step.cause === 'overflow' || step.cause === 'marks_full' ? 'overflow' : 'scan';
}
