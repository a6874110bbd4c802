/**
 * Creates the events of one root when they are taken: checks the current state of the root, asks for the differences,
 * and stores them as delivered when the consumer has them.
 * Guarantees: the root can be unmounted except during one turn of the event loop. A failure is emitted as an error, and
 * tried again a moment later. While the root is missing, no event of it is delivered. An event whose consumer may have
 * found no root, or another one, is delivered again.
 */
import { folderOf } from '../files/job-paths.js';
import { type ByteName, bytesOfName } from '../linux/names.js';
import { limits as engineLimits } from './backend/limits.js';
import { absolutePath } from './backend/paths.js';
import type { Engine, Hint, OpenRoot } from './engine/index.js';
import type { WatchEvent } from './options/types.js';
import type { DeliveredTree } from './reconcile/delivered-tree.js';
import { type Difference, Differences } from './reconcile/differences.js';
import type { Looker } from './reconcile/looker.js';
import type { EventCause, PendingPath, PendingPaths, PendingRoot, Step } from './reconcile/pending.js';
import type { Platform } from './reconcile/platform.js';
import type { Reconciler } from './reconcile/reconciler.js';
import type { Troubles } from './troubles.js';
import type { Windows } from './windows.js';

export interface RootEventsParts {
  root: ByteName;
  platform: Platform;
  deliveredTree: DeliveredTree;
  pending: PendingPaths;
  engine: Engine<Hint>;
  reconciler: Reconciler;
  debounce: Windows;
  troubles: Troubles;
  /** True: the delivered tree outlives the process, so an event is stored before the consumer gets it. */
  isKept: boolean;
  /** A bug ended it. */
  failed(error: unknown): void;
}

export class RootEvents implements PendingRoot {
  readonly #parts: RootEventsParts;
  readonly #differences: Differences;
  /**
   * Differs for each start, so rename ids differ too. It is no secret: `node:crypto` would cost a megabyte for eight
   * characters.
   */
  readonly #session = Math.floor(Math.random() * 2 ** 40).toString(36);
  #renames = 0;
  /** Valid during this turn of the event loop, below this root. */
  #looker: Looker | undefined;
  /**
   * True: a path was added since the looker opened its directories. They may have been replaced before that path was
   * found, and nothing reports it again.
   */
  #isBehind = false;
  #root: OpenRoot | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Delivered events that a failed commit would take back. */
  readonly #uncommitted: Step[] = [];
  #isClosed = false;

  constructor(parts: RootEventsParts) {
    this.#parts = parts;
    const { pending, deliveredTree, engine, reconciler } = parts;
    this.#differences = new Differences(deliveredTree, {
      look: (path, uncached) =>
        this.#looker === undefined ? 'unknown' : reconciler.look(path, this.#looker, uncached),
      pendingAt: (path) => pending.get(this.#keyOf(path)),
      seenAt: (ino) => pending.seenAt(this, ino),
      renameId: () => {
        this.#renames += 1;
        return `${this.#session}-${this.#renames}`;
      },
      isOfThisStart: (renameId) => renameId?.startsWith(`${this.#session}-`) ?? false,
      lost: (known) => reconciler.lost(known),
      recheck: (path) => this.#recheck(path),
      again: (directory) => {
        deliveredTree.doubtBelow(directory);
        engine.scanDirectory(directory);
      },
    });
  }

  /** The path is computed with directories that are opened after this call. */
  add(one: PendingPath): void {
    this.#isBehind = true;
    this.#parts.pending.add(this.#keyOf(one.path), this, one);
  }

  next({ path, by, cause }: PendingPath): { steps: readonly Step[]; isLast: boolean } | 'later' {
    const { debounce, deliveredTree } = this.#parts;
    try {
      if (this.#retry !== undefined) return 'later';
      if (!this.#canLook()) {
        // The root is missing. The scan after its return finds its content, and this records that its times are not
        // enough for a comparison.
        deliveredTree.doubt(path);
        this.#commit();
        return SETTLED;
      }
      if (this.#isBehind) this.#looker!.forget();
      this.#isBehind = false;
      const differences = this.#differences.of(path, by);
      if (differences.length === 0 || debounce.holds(path, by)) return SETTLED;
      const isLast = differences.at(-1)!.path === path;
      return { steps: differences.map((_, n) => this.#stepOf(differences.slice(0, n + 1), cause)), isLast };
    } catch (error) {
      this.failed(error, []);
      return 'later';
    }
  }

  failed(error: unknown, steps: readonly Step[]): void {
    const { pending, troubles, failed } = this.#parts;
    if ((error as { code?: string }).code === undefined) {
      pending.forget(this);
      failed(error);
      return;
    }
    // More may have changed than its times show.
    for (const { path, event } of [...this.#uncommitted.splice(0), ...steps])
      this.add({ path, by: 'written_renamed', cause: event.cause });
    troubles.failing('consumer', error);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      pending.wake();
    }, engineLimits.retryMs);
  }

  /** Safe to call twice. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#looker?.close();
    this.#looker = undefined;
  }

  /** The key of a path among all roots. */
  #keyOf(path: ByteName): string {
    return `${this.#parts.root}/${path}`;
  }

  /** `again`: the root is checked, also if that was done in this turn of the event loop. */
  #canLook(again = false): boolean {
    const { engine, platform } = this.#parts;
    if (this.#isClosed) return false;
    // The engine may have entered another root in this turn.
    const isOpen = this.#looker !== undefined && engine.presence.isOpen(this.#root!);
    if (isOpen && (!again || engine.presence.borrow() !== undefined)) return true;
    this.#looker?.close();
    this.#looker = undefined;
    this.#root = engine.presence.borrow();
    if (this.#root === undefined) return false;
    this.#looker = platform.looker(this.#root);
    this.#isBehind = false;
    // In the next turn directories may have moved.
    setImmediate(() => {
      if (this.#isClosed) return;
      this.#looker?.close();
      this.#looker = undefined;
      engine.presence.giveBack();
      this.#endTurn();
    });
    return true;
  }

  /** Not before the commit a failure is over: each second the events are computed again, and may fail to be stored. */
  #endTurn(): void {
    try {
      this.#commit();
      if (this.#retry === undefined) this.#parts.troubles.back('consumer');
    } catch (error) {
      this.failed(error, []);
    }
  }

  #commit(): void {
    this.#parts.deliveredTree.commit();
    this.#uncommitted.length = 0;
  }

  /**
   * False: the root was away, or another one was in its place, since this number of absences was read. A consumer that
   * read meanwhile found nothing, or something else.
   */
  #hadRoot(absences: number): boolean {
    const { engine } = this.#parts;
    // A root that was moved away and back is known by the kernel's events alone.
    engine.readEvents();
    return this.#canLook(true) && engine.presence.absences === absences;
  }

  /** The path is reported again. */
  #recheck(path: ByteName): void {
    this.#parts.deliveredTree.doubt(path);
    this.add({ path, by: 'scan', cause: 'event' });
  }

  /** The step of the last difference. The ones before it are delivered together with it. */
  #stepOf(differences: readonly Difference[], cause: EventCause): Step {
    const { root, debounce, deliveredTree, engine, isKept } = this.#parts;
    const { operation, path, entry, renameId, delivered, isCurrent } = differences.at(-1)!;
    const pathBytes = bytesOfName(absolutePath(root, path));
    debounce.open(path);
    const event: WatchEvent = {
      path: pathBytes.toString('utf8'),
      pathBytes,
      operation,
      timestamp: new Date(),
      kind: entry.kind,
      cause,
      ...(renameId !== undefined && { renameId }),
    };
    const { absences } = engine.presence;
    const noted = (): void => {
      const hadRoot = this.#hadRoot(absences);
      delivered!();
      if (!hadRoot) this.#recheck(path);
      // The consumer may have read something else, or nothing. The scan that sets the watch reports it again. What was
      // known of a renamed file went along with it.
      else if (renameId === undefined && engine.isToBeWatched(folderOf(path))) deliveredTree.doubt(path);
      if (isKept) deliveredTree.noteOutstanding([]);
      this.#uncommitted.push({ path, event });
      // Without a root, no end of a turn does it.
      if (!hadRoot) this.#commit();
    };
    const last = delivered && {
      delivered: noted,
      isCurrent: () => this.#hadRoot(absences) && isCurrent!(),
    };
    if (!isKept) return { path, event, ...last };
    const handedOut = (): void => {
      deliveredTree.noteOutstanding(differences);
      this.#commit();
    };
    return { path, event, handedOut, ...last };
  }
}

const SETTLED = { steps: [], isLast: true } as const;
