/**
 * Converts the engine's troubles into errors with sentences. Each is emitted when it starts, once for each reason, and once when
 * it ends.
 * Does not: repair them; the engine does.
 */
import { type ByteName, shownName } from '../linux/names.js';
import type { EngineEvent } from './backend/types.js';
import { WatcherError } from './options/errors.js';
import { limits } from './options/limits.js';

export interface TroubleHooks {
  error(error: WatcherError): void;
  recovered(error: WatcherError): void;
}

type DeliverySide = 'engine' | 'consumer';

interface Trouble {
  op: Op;
  at: string;
  code: string;
  hint: string;
  cause?: unknown;
}

type Op = 'root' | 'read' | 'stat' | 'add_watch' | 'events' | 'deliver';

export class Troubles {
  readonly #open = new Map<string, WatcherError>();
  #unseen = 0;
  /** The sides of the delivery that fail: the engine hands paths over, the consumer takes events. */
  readonly #failing = new Set<DeliverySide>();

  constructor(
    private readonly root: string,
    /** Undefined: the state is temporary. */
    private readonly statePath: string | undefined,
    private readonly hooks: TroubleHooks,
  ) {}

  /** False: the event is not about a trouble. */
  note(event: EngineEvent): boolean {
    switch (event.event) {
      case 'root_missing':
        return this.#begin(
          'root',
          '',
          event.code === 'unmounted' ? 'UNMOUNTED' : event.code,
          hintOf(event.code, ROOT_MISSING),
        );
      case 'root_back':
        return this.#end('root');
      case 'directory_failed':
        return this.#begin('read', event.path, event.code, hintOf(event.code, DIRECTORY_FAILED));
      case 'directory_back':
        return this.#end('read', event.path);
      case 'watch_limit':
        return this.#begin('add_watch', '', event.code, event.code === 'ENOSPC' ? WATCH_LIMIT : NO_WATCH, event.path);
      case 'watch_limit_over':
        return this.#end('add_watch');
      case 'polling':
        return event.why === 'no_inotify' && this.#begin('events', '', event.code ?? 'EMFILE', NO_EVENTS);
      case 'events_back':
        return this.#end('events');
      case 'delivery_failing':
        return this.failing('engine', event.error);
      case 'delivery_back':
        return this.back('engine');
      default:
        return false;
    }
  }

  /** A check or a write failed. It is one trouble, whatever side fails. */
  failing(side: DeliverySide, cause: unknown): true {
    const code = codeOf(cause);
    const isState = code.startsWith('SQLITE_');
    const at = isState ? (this.statePath ?? TEMPORARY) : this.root;
    this.#failing.add(side);
    return this.#report('deliver ', {
      op: 'deliver',
      at,
      code,
      hint: isState ? notStored(code) : hintOf(code, NOT_CHECKED),
      cause,
    });
  }

  back(side: DeliverySide): true {
    this.#failing.delete(side);
    return this.#failing.size > 0 || this.#end('deliver');
  }

  /** The path could not be checked. */
  unseen(path: ByteName, code: string): void {
    this.#unseen += this.#open.has(`stat ${path}`) ? 0 : 1;
    this.#begin('stat', path, code, NOT_SEEN);
  }

  /** Called for each path that was checked; nearly always there is nothing to end. */
  seen(path: ByteName): void {
    if (this.#unseen === 0 || !this.#open.has(`stat ${path}`)) return;
    this.#unseen -= 1;
    this.#end('stat', path);
  }

  #begin(op: Op, path: ByteName | '', code: string, hint: string, about = path): true {
    const at = about === '' ? this.root : `${this.root}/${shownName(about as ByteName)}`;
    const key = `${op} ${path}`;
    // Another reason may need another act.
    if (this.#open.get(key)?.code !== code) this.#open.delete(key);
    return this.#report(key, { op, at, code, hint });
  }

  #report(key: string, { op, at, code, hint, cause }: Trouble): true {
    if (this.#open.has(key) || this.#open.size >= limits.failuresMax) return true;
    const error = new WatcherError(op, at, code, `${at}: ${hint} (${code}).`, { cause });
    this.#open.set(key, error);
    this.hooks.error(error);
    return true;
  }

  #end(op: Op, path: ByteName | '' = ''): true {
    const key = `${op} ${path}`;
    const error = this.#open.get(key);
    this.#open.delete(key);
    if (error !== undefined) this.hooks.recovered(error);
    return true;
  }
}

const ROOT_MISSING =
  'this root is not there, so nothing in it is reported; it is watched again when it is back: check its path or its mount';
const NO_DESCRIPTORS =
  'this process is out of file descriptors, so nothing here is reported; it is tried again every few seconds: raise the limit of open files (ulimit -n)';
/** The fault is not at the path then. */
const hintOf = (code: string, hint: string): string => (code === 'EMFILE' ? NO_DESCRIPTORS : hint);
const DIRECTORY_FAILED =
  'this directory cannot be read, so nothing below it is reported; it is tried again every few seconds: check its permissions';
const NOT_SEEN = 'this path cannot be checked; it is tried again by each scan: check the permissions of its directory';
const WATCH_LIMIT =
  'the limit of watches is reached, so some directories are scanned every few seconds instead: raise fs.inotify.max_user_watches';
const NO_WATCH =
  'it cannot be watched, so such directories are scanned every few seconds instead: see what refuses a watch (SELinux, seccomp)';
const NO_EVENTS =
  'no inotify instance is available, so the tree is scanned every few seconds instead: raise fs.inotify.max_user_instances or the limit of open files';
const NOT_CHECKED = 'a change could not be checked; it is tried again every second: see the cause';
const notStored = (code: string): string =>
  `the state cannot store what is delivered; it is tried again every second: ${code === 'SQLITE_FULL' ? 'free space on its disk' : 'check its disk, and see the cause'}`;
/** SQLite's own choice. */
const TEMPORARY = 'temporary state in $SQLITE_TMPDIR, $TMPDIR or /var/tmp';

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'UNKNOWN';
