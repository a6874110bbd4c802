/**
 * A copy that is made from events only, and the rules of the contract after each event (docs/watcher.md, Events). It is
 * two consumers in one, and both read the path of a put. One keeps what it read. The other moves its own bytes on a
 * rename, and does not read the file again until a later put. The entry may be gone or changed when it is read: then
 * the copy waits for a later event.
 */
import { folderOf } from '../../../src/files/job-paths.js';
import type { ByteName } from '../../../src/linux/names.js';
import type { Found, Kind } from './look.js';
import type { Tells } from './settings.js';

export interface Told {
  operation: 'put' | 'delete';
  path: ByteName;
  kind: Kind;
  renameId?: string;
}

export type FaultKind =
  | 'a put without its directory'
  | 'a directory with something in it replaced'
  | 'a directory with something in it deleted'
  | 'a delete of what is not there'
  | 'a delete of another kind of thing'
  | 'reported, although it is excluded'
  | 'half a rename'
  | 'missing'
  | 'extra'
  | 'another kind of thing'
  | 'wrong content'
  | 'wrong bytes moved'
  | 'a put was awaited'
  | 'a scan without a reason'
  | 'an overflow that is not reported'
  | 'the watcher failed';

export interface Fault {
  kind: FaultKind;
  path: ByteName;
  detail?: string;
}

interface Entry {
  kind: Kind;
  /** Undefined: no entry of that kind was there at the event. */
  read: string | undefined;
  moved: string | undefined;
  /** The file whose bytes `moved` has. */
  movedFrom: number | undefined;
}

export class Copy {
  /** The filter of the watcher of this start. */
  tells: Tells;
  readonly #entries = new Map<ByteName, Entry>();
  /** Entries directly in each directory. */
  readonly #inside = new Map<ByteName, number>();
  /** Applied events that may come again: the last events before a stop, until the next quiet point. */
  readonly #again = new Set<ByteName>();
  /** It was killed: only the watcher's state may know its last event. */
  #wasKilled = false;
  #last: Told[] = [];
  #inProgress: Told | undefined;
  /** The old name of a file was just deleted, and its bytes are kept aside. */
  #half: { id: string; path: ByteName; entry: Entry | undefined } | undefined;
  /** Renamed directories whose old name is not deleted yet, by their ids. */
  readonly #renamed = new Set<string>();

  constructor(tells: Tells) {
    this.tells = tells;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The event was handed out. It may come again, in any form, until it is applied and the next one is requested. */
  takes(told: Told): void {
    this.#inProgress = told;
  }

  apply(told: Told, found: Found | undefined): Fault[] {
    const faults: Fault[] = [];
    const fault = (kind: FaultKind, detail?: string): void =>
      void faults.push({ kind, path: told.path, ...(detail && { detail }) });
    if (!this.tells(told.path, told.kind === 'directory')) fault('reported, although it is excluded');
    const half = this.#half;
    this.#half = undefined;
    const isPair = half !== undefined && told.operation === 'put' && told.renameId === half.id;
    if (half !== undefined && !isPair) fault('half a rename', `the put after the delete of ${half.path} is missing`);
    this.#inProgress = undefined;
    this.#last = isPair ? [...this.#last, told].slice(-2) : [told];
    if (told.operation === 'put') this.#put(told, found, isPair ? half : undefined, fault);
    else this.#delete(told, fault);
    this.#again.delete(told.path);
    return faults;
  }

  /** The watcher was stopped or killed. Returns the events that may come again: the last one, a rename as a whole. */
  interrupted(isKilled = false): Told[] {
    this.#wasKilled ||= isKilled;
    const again = [...this.#last, ...(this.#inProgress === undefined ? [] : [this.#inProgress])];
    for (const { path } of again) this.#again.add(path);
    this.#inProgress = undefined;
    this.#half = undefined;
    this.#renamed.clear();
    return again;
  }

  /** The options changed: entries that are excluded now are forgotten silently. */
  retell(tells: Tells): void {
    this.tells = tells;
    for (const [path, { kind }] of [...this.#entries]) if (!tells(path, kind === 'directory')) this.#remove(path);
  }

  /**
   * At a quiet point. `asksAgain`: a consumer that found nothing reads again by itself, because events were lost, or
   * nobody watched.
   */
  compare(tree: ReadonlyMap<ByteName, Found>, asksAgain: boolean): Fault[] {
    this.#again.clear();
    this.#wasKilled = false;
    const faults: Fault[] = [];
    if (this.#half !== undefined) faults.push({ kind: 'half a rename', path: this.#half.path, detail: 'no put came' });
    for (const [path, is] of tree) {
      const entry = this.#entries.get(path);
      if (entry === undefined) faults.push({ kind: 'missing', path, detail: is.kind });
      else if (entry.kind !== is.kind)
        faults.push({ kind: 'another kind of thing', path, detail: `${entry.kind}, is ${is.kind}` });
      else if (entry.read === undefined && !asksAgain)
        faults.push({ kind: 'a put was awaited', path, detail: is.kind });
      else if (entry.read !== undefined && entry.read !== is.content) faults.push({ kind: 'wrong content', path });
      else if (entry.moved !== undefined && entry.moved !== is.content)
        faults.push({ kind: 'wrong bytes moved', path, detail: whose(entry, is) });
      else Object.assign(entry, known(is));
    }
    for (const [path, { kind }] of this.#entries)
      if (!tree.has(path)) faults.push({ kind: 'extra', path, detail: kind });
    return faults;
  }

  /** Takes the state of the tree. */
  become(tree: ReadonlyMap<ByteName, Found>): void {
    this.#entries.clear();
    this.#inside.clear();
    for (const [path, found] of tree) this.#set(path, known(found));
  }

  #put(
    { path, kind, renameId }: Told,
    found: Found | undefined,
    half: { entry: Entry | undefined } | undefined,
    fault: (kind: FaultKind, detail?: string) => void,
  ): void {
    const parent = folderOf(path);
    if (parent !== '' && this.#entries.get(parent)?.kind !== 'directory') fault('a put without its directory');
    if (renameId !== undefined && kind === 'directory') this.#renamed.add(renameId);
    else if (renameId !== undefined && half === undefined)
      fault('half a rename', 'the delete before the put is missing');
    const before = this.#entries.get(path);
    if (before?.kind === 'directory' && kind !== 'directory' && this.#inside.get(path)) {
      fault('a directory with something in it replaced', this.#someBelow(path));
      this.#remove(path);
    }
    const [read, ino] = found?.kind === kind ? [found.content, found.ino] : [];
    const { moved = read, movedFrom = ino } = half?.entry ?? {};
    this.#set(path, { kind, read, moved, movedFrom });
  }

  #delete({ path, kind, renameId }: Told, fault: (kind: FaultKind, detail?: string) => void): void {
    const before = this.#entries.get(path);
    const again = this.#wasKilled || this.#again.has(path);
    if (renameId !== undefined && kind !== 'directory') this.#half = { id: renameId, path, entry: before };
    else if (renameId !== undefined && !this.#renamed.delete(renameId))
      fault('half a rename', 'the put of the new name did not come before the delete');
    if (before === undefined && !again) fault('a delete of what is not there');
    if (before === undefined) return;
    if (before.kind !== kind && !again)
      fault('a delete of another kind of thing', `${kind}, was reported as ${before.kind}`);
    if (before.kind === 'directory' && this.#inside.get(path))
      fault('a directory with something in it deleted', this.#someBelow(path));
    this.#remove(path);
  }

  #set(path: ByteName, entry: Entry): void {
    if (!this.#entries.has(path)) this.#count(path, 1);
    this.#entries.set(path, entry);
  }

  #remove(path: ByteName): void {
    if (this.#inside.get(path)) {
      const below = `${path}/`;
      for (const one of [...this.#entries.keys()]) if (one.startsWith(below)) this.#drop(one);
    }
    this.#drop(path);
  }

  #drop(path: ByteName): void {
    if (this.#entries.delete(path)) this.#count(path, -1);
  }

  #count(path: ByteName, by: number): void {
    const parent = folderOf(path);
    this.#inside.set(parent, (this.#inside.get(parent) ?? 0) + by);
  }

  #someBelow(path: ByteName): string {
    const below = [...this.#entries.keys()].filter((one) => one.startsWith(`${path}/`));
    return `${below.length} below, ${below[0]}`;
  }
}

const known = ({ kind, content, ino }: Found): Entry => ({ kind, read: content, moved: content, movedFrom: ino });
const whose = ({ movedFrom }: Entry, { ino }: Found): string =>
  movedFrom === ino ? 'of an earlier state of the file' : 'of another file, which was at the old name when it was read';
