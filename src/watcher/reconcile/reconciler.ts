/**
 * Turns paths that may have changed into pending paths: paths at which something else is than what was delivered.
 * Guarantees: such a path stays pending until its change is delivered (pending.ts), or until it is as it was.
 * Does not: decide when to check (engine and windows do), or create events (differences.ts does). One call at a time.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import { isCome, isWritten, merged } from '../backend/hints.js';
import type { Hint, QueuedPath, ScanStep } from '../backend/types.js';
import { limits } from '../options/limits.js';
import { type DeliveredTree, differs, isSame, type Known, type Seen } from './delivered-tree.js';
import type { Looker } from './looker.js';
import type { EventCause, PendingPath } from './pending.js';
import { RemovedNames } from './removed-names.js';

export interface ReconcilerHooks {
  /** Waits for room; throws if there is none, or if the watcher was stopped. */
  room(cause: EventCause): Promise<void> | undefined;
  addPending(pending: PendingPath): void;
  /** The added paths can be taken now. */
  wake(): void;
  /** True if an entry of this name and kind is reported at all. */
  wants(path: ByteName, isDirectory: boolean): boolean;
  /** An event found a new directory: its content must be read, unless that is already under way. */
  directory(path: ByteName): void;
  /**
   * The path is gone, and may appear under another name in a moment. It must be queued again then, with the hint
   * `delete`.
   */
  later(path: ByteName): void;
  /** The path could not be checked. */
  failed(path: ByteName, code: string): void;
  /** The path was checked. */
  seen(path: ByteName): void;
}

export class Reconciler {
  /** True: the findings are stored as delivered, without events. */
  silent = false;
  readonly #links = new RemovedNames();
  #looker!: Looker;
  #cause: EventCause = 'event';
  #isStrict = false;
  /** A new directory is being read, which an event has reported. */
  #isNew = false;
  /**
   * True: nothing was known of the tree at the start. Then everything known at the end of the first scan was found by
   * the scan or by an event.
   */
  readonly #fresh: boolean;

  constructor(
    private readonly deliveredTree: DeliveredTree,
    private readonly hooks: ReconcilerHooks,
  ) {
    this.#fresh = deliveredTree.isEmpty;
  }

  /**
   * `held`: paths whose events are delayed. Errors: errors of the looker that do not concern the path (EMFILE, …),
   * errors of the delivered tree, and of `room`.
   */
  async run(
    marks: readonly QueuedPath<Hint>[],
    looker: Looker,
    step?: ScanStep,
    held: readonly QueuedPath<Hint>[] = [],
  ): Promise<void> {
    this.#looker = looker;
    this.#cause = causeOf(step);
    this.#isStrict = isStrict(step);
    this.#isNew = step?.cause === 'new';
    try {
      if (this.silent) for (const { path } of marks) this.#note(path);
      else for (const { path, by } of marks) await this.#notice(path, by);
      for (const { path, by } of held) if (isWritten(by)) await this.#noticeHeld(path, by);
      if (step !== undefined && !(this.#fresh && step.cause === 'start')) await this.#sweep(step);
    } finally {
      this.deliveredTree.commit();
      this.hooks.wake();
    }
  }

  /**
   * Returns the current entry, if it is reported; 'unknown': it could not be checked. `uncached`: directories may have
   * moved within this turn of the event loop.
   */
  look(path: ByteName, looker = this.#looker, uncached = false): Seen | undefined | 'unknown' {
    try {
      const seen = looker.look(path, uncached);
      this.hooks.seen(path);
      return seen !== undefined && this.hooks.wants(path, seen.kind === 'directory') ? seen : undefined;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || OURS.has(code)) throw error;
      this.hooks.failed(path, code);
      return 'unknown';
    }
  }

  /**
   * The delivered file is no longer at this path. A write just before was reported under this name only, so its other
   * names are checked.
   */
  lost(known: Known): void {
    this.#links.removed(known);
    if (known.kind === 'directory') return;
    // Losing a name also changes the ctime of a file.
    const by = known.doubted ? 'write' : 'scan';
    for (const { path } of this.#namesOf(known.ino)) this.#add(path, by);
  }

  async #notice(path: ByteName, hint: Hint): Promise<void> {
    const by = this.#isStrict ? merged('write', hint) : hint;
    const name = isWritten(by) ? this.#deliveredName(path) : path;
    if (name !== path) this.deliveredTree.doubt(name);
    const once = this.#links.inodeOnceAt(name);
    if (once !== undefined) await this.#noticeNames(once, by);
    const seen = this.look(path);
    if (seen === 'unknown') return;
    const known = this.deliveredTree.get(path);
    if (seen === undefined) return this.#noticeGone(path, hint, known);
    const isOther = known?.file !== seen.file || known.kind !== seen.kind;
    const isDirectory = seen.kind === 'directory';
    const isTold = isOther || differs(known, seen, by) || (isDirectory && isCome(by));
    if (isTold) await this.#addPending(path, by, seen.ino);
    if (isOther && isDirectory && hint !== 'scan') this.hooks.directory(path);
    // Stored, so that it survives a stop.
    if (known !== undefined && isTold && isWritten(by)) this.deliveredTree.doubt(path);
    // A write is reported under one name of the file only. A new name changes the ctime too. In a directory that was not
    // watched before, a write causes no event.
    const named = isWritten(by) || !(isOther || this.#isNew) ? by : this.#isNew ? 'write' : 'scan';
    if (seen.links > 1 && (isTold || hint !== 'scan')) await this.#noticeNames(seen.ino, named);
  }

  /** The name with which this entry was delivered. The rename of its directory may not be delivered yet. */
  #deliveredName(path: ByteName): ByteName {
    const folder = folderOf(path);
    const seen = folder === '' ? undefined : this.look(folder);
    if (seen === undefined || seen === 'unknown' || this.deliveredTree.get(folder)?.file === seen.file) return path;
    const former = this.deliveredTree
      .namesOf(seen.ino, undefined, limits.twinsMax)
      .find((known) => isSame(known, seen));
    return former === undefined ? path : joinNames(former.path, baseOf(path));
  }

  #noticeGone(path: ByteName, by: Hint, known: Known | undefined): Promise<void> | undefined {
    if (known === undefined) return undefined;
    // Under its new or other names, its bytes may differ from the delivered ones. This also holds if the name was removed, came
    // back, and was removed again. A write through a new name that is gone as well was reported under that name only.
    if (isWritten(by) || isCome(by) || (by === 'moved' && this.#hasOtherNames(known))) this.deliveredTree.doubt(path);
    if (by === 'delete' || by === 'written_deleted') return this.#addPending(path, by);
    this.hooks.later(path);
    return undefined;
  }

  /** When the delay ends, another file may have the name, or another process may watch. */
  async #noticeHeld(path: ByteName, by: Hint): Promise<void> {
    const seen = this.look(path);
    if (seen === 'unknown') return;
    const known = this.deliveredTree.get(path);
    const isOther = seen === undefined || known?.file !== seen.file;
    if (known !== undefined && (isOther || differs(known, seen, by))) this.deliveredTree.doubt(path);
    if (seen !== undefined && seen.links > 1) await this.#noticeNames(seen.ino, by);
  }

  async #noticeNames(ino: number, by: Hint): Promise<void> {
    for (const known of this.#namesOf(ino)) {
      const seen = this.look(known.path);
      if (seen === undefined || seen === 'unknown' || seen.file !== known.file) continue;
      if (differs(known, seen, by)) await this.#addPending(known.path, by, ino);
    }
  }

  #hasOtherNames({ kind, ino }: Known): boolean {
    return kind !== 'directory' && this.deliveredTree.namesOf(ino, undefined, 2).length > 1;
  }

  *#namesOf(ino: number): Generator<Known> {
    for (let after: ByteName | undefined; ; ) {
      const page = this.deliveredTree.namesOf(ino, after, limits.pageMax);
      yield* page;
      if (page.length < limits.pageMax) return;
      after = page.at(-1)!.path;
    }
  }

  /** The first check of a path, without an event. */
  #note(path: ByteName): void {
    const seen = this.look(path);
    if (seen === 'unknown') return;
    const known = this.deliveredTree.get(path);
    if (known?.kind === 'directory' && seen?.kind !== 'directory') this.deliveredTree.removeBelow(path);
    if (seen !== undefined) this.deliveredTree.put(path, seen);
    else if (known !== undefined) this.deliveredTree.remove(path);
  }

  /**
   * Handles known paths that a scan did not find. They are judged at the end of the scan: until then they may be found
   * under another name. Memory is bounded. Paths noted by a scan that did not finish are judged by the next one.
   */
  async #sweep({ listed, done }: ScanStep): Promise<void> {
    for (const directory of listed) {
      // Most directories have one page, and nothing to wait for.
      let last = this.#sweepPage(directory, undefined);
      while (last !== undefined) {
        await this.#turn();
        last = this.#sweepPage(directory, last);
      }
    }
    if (done) await this.#judgeMissing();
  }

  /**
   * Notes the delivered names of a directory that are no longer in it, directly after it was read. Returns the name after
   * which the next page begins.
   */
  #sweepPage(directory: ByteName, after: ByteName | undefined): ByteName | undefined {
    const page = this.deliveredTree.namesIn(directory, after, limits.pageMax);
    for (const name of page) {
      const path = joinNames(directory, name);
      if (this.look(path) === undefined) this.deliveredTree.noteMissing(path);
    }
    return page.length < limits.pageMax ? undefined : page.at(-1);
  }

  async #judgeMissing(): Promise<void> {
    for (;;) {
      const missing = this.deliveredTree.takeMissing(limits.pageMax);
      if (missing.length === 0) return;
      for (const path of missing) if (this.look(path) === undefined) await this.#addPending(path, 'delete');
    }
  }

  /** Lets others run; directories may move meanwhile. */
  async #turn(): Promise<void> {
    this.deliveredTree.commit();
    await new Promise((resolve) => setImmediate(resolve));
    this.#looker.forget();
  }

  async #addPending(path: ByteName, by: Hint, ino?: number): Promise<void> {
    if (this.silent) return this.#note(path);
    const room = this.hooks.room(this.#cause);
    if (room !== undefined) {
      this.deliveredTree.commit();
      await room;
      this.#looker.forget();
    }
    this.#add(path, by, ino);
  }

  #add(path: ByteName, by: Hint, ino?: number): void {
    this.hooks.addPending({ path, by, cause: this.#cause, ...(ino !== undefined && { ino }) });
  }
}

/** These errors do not concern the path; the same path is tried again. */
const OURS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EBADF', 'ESTALE']);

/** True: events were lost, or nobody watched, so a write may show in the ctime only. */
export const isStrict = (step: ScanStep | undefined): boolean =>
  causeOf(step) === 'overflow' || step?.cause === 'root_changed';

function causeOf(step: ScanStep | undefined): EventCause {
  if (step === undefined || step.cause === 'new') return 'event';
  return step.cause === 'overflow' || step.cause === 'marks_full' ? 'overflow' : 'scan';
}
