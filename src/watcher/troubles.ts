/**
 * Converts the engine's troubles into errors with sentences. Each is emitted once when it starts and once when it ends.
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

type Op = 'root' | 'read' | 'stat' | 'add_watch' | 'events' | 'deliver';

export class Troubles {
  readonly #open = new Map<string, WatcherError>();
  #unseen = 0;

  constructor(
    private readonly root: string,
    private readonly hooks: TroubleHooks,
  ) {}

  /** False: the event is not about a trouble. */
  note(event: EngineEvent): boolean {
    switch (event.event) {
      case 'root_missing':
        return this.#begin('root', '', event.code === 'unmounted' ? 'UNMOUNTED' : event.code, ROOT_MISSING);
      case 'root_back':
        return this.#end('root');
      case 'directory_failed':
        return this.#begin('read', event.path, event.code, DIRECTORY_FAILED);
      case 'directory_back':
        return this.#end('read', event.path);
      case 'watch_limit':
        return this.#begin('add_watch', '', event.code, WATCH_LIMIT, undefined, event.path);
      case 'watch_limit_over':
        return this.#end('add_watch');
      case 'polling':
        return event.why === 'no_inotify' && this.#begin('events', '', event.code ?? 'EMFILE', NO_EVENTS);
      case 'events_back':
        return this.#end('events');
      case 'delivery_failing':
        return this.#begin('deliver', '', codeOf(event.error), NOT_LOOKED, event.error);
      case 'delivery_back':
        return this.#end('deliver');
      default:
        return false;
    }
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

  #begin(op: Op, path: ByteName | '', code: string, hint: string, cause?: unknown, about = path): boolean {
    const key = `${op} ${path}`;
    if (this.#open.has(key) || this.#open.size >= limits.failuresMax) return true;
    const at = about === '' ? this.root : `${this.root}/${shownName(about as ByteName)}`;
    const error = new WatcherError(op, at, code, `${at}: ${hint} (${code}).`, { cause });
    this.#open.set(key, error);
    this.hooks.error(error);
    return true;
  }

  #end(op: Op, path: ByteName | '' = ''): boolean {
    const key = `${op} ${path}`;
    const error = this.#open.get(key);
    this.#open.delete(key);
    if (error !== undefined) this.hooks.recovered(error);
    return true;
  }
}

const ROOT_MISSING =
  'this root is not there, so nothing in it is reported; it is watched again when it is back: check its path or its mount';
const DIRECTORY_FAILED =
  'this directory cannot be read, so nothing below it is reported; it is tried again every few seconds: check its permissions';
const NOT_SEEN = 'this path cannot be checked; it is tried again by each scan: check the permissions of its directory';
const WATCH_LIMIT =
  'the limit of watches is reached, so some directories are scanned every few seconds instead: raise fs.inotify.max_user_watches';
const NO_EVENTS =
  'no inotify instance is available, so the tree is scanned every few seconds instead: raise fs.inotify.max_user_instances or the limit of open files';
const NOT_LOOKED = 'a change could not be checked or stored; it is tried again every second: see the cause';

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'UNKNOWN';
