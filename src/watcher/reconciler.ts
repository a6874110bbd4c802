/**
 * Turns paths that may have changed into events: what lies there now against what was told.
 * Guarantees: whoever applies all events has the tree whenever nothing is left to tell; a directory is told before what
 * it holds, and deleted after it; a file that is found under another name than it was told by is told as renamed.
 * Does not: decide when to look (engine and windows do). One call at a time.
 */
import { baseOf, folderOf } from '../files/places.js';
import type { ByteName } from '../linux/names.js';
import type { Hint, Mark, ScanStep } from './engine/types.js';
import { limits } from './limits.js';
import { Links } from './links.js';
import { moveBelow } from './moves.js';
import type { Entry, Known, Picture, Seen } from './picture.js';
import type { Looker } from './seen.js';
import type { WatchEvent } from './types.js';

export type EventCause = WatchEvent['cause'];

export interface Telling {
  operation: WatchEvent['operation'];
  path: ByteName;
  entry: Entry;
  cause: EventCause;
  renameId?: string | undefined;
}

export interface ReconcilerHooks {
  /** Waits for room; throws when there is none, or when the watcher was stopped. */
  room(cause: EventCause): Promise<void> | undefined;
  /** Answers the number of the event, for the picture. */
  tell(telling: Telling): number;
  /** Whether an entry of this name and kind is told at all. */
  tells(path: ByteName, isDirectory: boolean): boolean;
  /** A directory was met by an event: what it holds has to be read, unless that is under way. */
  directory(path: ByteName): void;
  /** It is gone, and may turn up under another name in a moment: to be marked again then, by `delete`. */
  later(path: ByteName): void;
  /** It cannot be looked at. */
  failed(path: ByteName, code: string): void;
  renameId(): string;
}

export class Reconciler {
  /** While true, what is found is noted and not told. */
  silent = false;
  readonly #links: Links;
  #looker!: Looker;
  #cause: EventCause = 'event';
  /** Events were lost: what changed may show in the ctime alone. */
  #strict = false;

  constructor(
    readonly picture: Picture,
    readonly hooks: ReconcilerHooks,
  ) {
    this.#links = new Links(picture);
  }

  /** Errors: those of the looker that say nothing of a path (EMFILE, …), of the picture, and of `room`. */
  async run(marks: readonly Mark<Hint>[], looker: Looker, step?: ScanStep): Promise<void> {
    this.#looker = looker;
    this.#cause = causeOf(step);
    this.#strict = this.#cause === 'overflow';
    try {
      await this.#settle(marks);
      for (const directory of step?.listed ?? []) await this.#sweep(directory);
      if (step?.done) await this.#judgeMissing();
    } finally {
      this.picture.commit();
    }
  }

  async #settle(marks: readonly Mark<Hint>[]): Promise<void> {
    const arrived: { path: ByteName; by: Hint }[] = [];
    const changed: { path: ByteName; by: Hint }[] = [];
    const gone: { path: ByteName; by: Hint }[] = [];
    for (const { path, by } of marks) {
      await this.#updateNames(this.#links.inodeOnceAt(path));
      const seen = this.look(path);
      if (seen === 'unknown') continue;
      const known = this.picture.get(path);
      if (seen === undefined) {
        if (known !== undefined) gone.push({ path, by });
      } else if (known?.file !== seen.file) arrived.push({ path, by });
      else if (this.#differs(known, seen, by)) changed.push({ path, by });
    }
    // First what came, so that it finds under which name it was known; each directory before what it holds.
    if (arrived.length > 1) arrived.sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const { path, by } of arrived) await this.#arrive(path, by);
    for (const { path } of changed) await this.#change(path);
    for (const { path, by } of gone) await this.#leave(path, by);
  }

  /** What lies there and is told; 'unknown': it could not be looked at. */
  look(path: ByteName): Seen | undefined | 'unknown' {
    try {
      const entry = this.#looker.look(path);
      return entry !== undefined && this.hooks.tells(path, entry.kind === 'directory') ? entry : undefined;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || OURS.has(code)) throw error;
      this.hooks.failed(path, code);
      return 'unknown';
    }
  }

  #differs(known: Known, seen: Entry, by: Hint): boolean {
    if (known.kind !== seen.kind) return true;
    if (seen.kind === 'directory') return false;
    if (known.content !== seen.content) return true;
    if (by === 'attributes') return false;
    // A write may leave size and mtime as they were (a copy sets the mtime back), and a quick one all times.
    const written = by === 'write' || by === 'rename' || this.#strict;
    return known.racy || (written && known.changed !== seen.changed);
  }

  /** Another file than was told lies at the path, or nothing was told of it. */
  async #arrive(path: ByteName, by: Hint): Promise<void> {
    await this.#tellParents(path);
    const seen = this.look(path);
    if (seen === undefined || seen === 'unknown') return;
    const known = this.picture.get(path);
    if (known?.file === seen.file && !this.#differs(known, seen, by)) return;
    if (known?.kind === 'directory' && seen.kind !== 'directory') await this.leaveBelow(path);
    const origin = this.silent ? undefined : this.#originOf(path, seen);
    if (known !== undefined) this.#links.removed(known);
    if (origin === undefined) await this.put(path, seen);
    else if (seen.kind === 'directory') await moveBelow(this, origin, path, seen);
    else await this.tellRename(origin, path, seen);
    if (seen.links > 1) await this.#updateNames(seen.ino);
    if (seen.kind === 'directory' && by !== 'scan') this.hooks.directory(path);
  }

  /** The name by which a file was told that is found at `path` now, and not there any more. */
  #originOf(path: ByteName, seen: Entry): Known | undefined {
    for (const twin of this.picture.namesOf(seen.ino, undefined, limits.twinsMax)) {
      if (twin.path === path || !isSame(twin, seen)) continue;
      const there = this.look(twin.path);
      if (there !== 'unknown' && there?.file !== seen.file) return twin;
    }
    return undefined;
  }

  async #change(path: ByteName): Promise<void> {
    const seen = this.look(path);
    if (seen === undefined || seen === 'unknown') return;
    await this.put(path, seen);
    if (seen.links > 1) await this.#updateNames(seen.ino);
  }

  /** A write is told of one name of a file alone: its other names are looked at too. */
  async #updateNames(ino: number | undefined): Promise<void> {
    if (ino === undefined || this.silent) return;
    for (let page: Known[] = [], after: ByteName | undefined; page.length === limits.pageMax || after === undefined; ) {
      page = this.picture.namesOf(ino, after, limits.pageMax);
      for (const known of page) {
        const seen = this.look(known.path);
        if (seen === undefined || seen === 'unknown' || seen.file !== known.file) continue;
        if (this.#differs(known, seen, 'scan')) await this.put(known.path, seen);
      }
      after = page.at(-1)?.path;
      if (after === undefined) return;
    }
  }

  async #leave(path: ByteName, by: Hint): Promise<void> {
    const known = this.picture.get(path);
    if (known === undefined) return;
    if (!this.silent && by !== 'delete') {
      this.hooks.later(path);
      return;
    }
    await this.#delete(known);
  }

  async #delete(known: Known): Promise<void> {
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

  /** What was told directly in a directory that was just read, and is not there any more, is noted until the scan's end. */
  async #sweep(directory: ByteName): Promise<void> {
    let after: ByteName | undefined;
    for (;;) {
      const page = this.picture.children(directory, after, limits.pageMax);
      for (const { path } of page) if (this.look(path) === undefined) this.picture.noteMissing(path);
      if (page.length < limits.pageMax) return;
      after = baseOf(page.at(-1)!.path);
      await this.#turn();
    }
  }

  async #judgeMissing(): Promise<void> {
    for (;;) {
      const missing = this.picture.takeMissing(limits.pageMax);
      if (missing.length === 0) return;
      for (const path of missing) {
        const known = this.picture.get(path);
        if (known !== undefined && this.look(path) === undefined) await this.#delete(known);
      }
    }
  }

  async #turn(): Promise<void> {
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
    this.#links.removed(known);
  }

  async tellRename(from: Known, to: ByteName, entry: Entry): Promise<void> {
    const id = this.silent ? undefined : this.hooks.renameId();
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
const OURS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EBADF']);

/** A number of an inode is given to the next file at once; its time of birth tells, or what it holds. */
const isSame = (known: Known, seen: Entry): boolean =>
  known.file === seen.file && known.kind === seen.kind && (!seen.file.endsWith(':') || known.content === seen.content);

function causeOf(step: ScanStep | undefined): EventCause {
  if (step === undefined || step.cause === 'new') return 'event';
  return step.cause === 'overflow' || step.cause === 'marks_full' ? 'overflow' : 'scan';
}
