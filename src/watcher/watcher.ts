/**
 * Watches directory trees and emits their changes. docs/watcher.md explains how to use it.
 *
 * States: open ─ stop() ─> stopping ─ every engine has ended ─> stopped. `watch` needs an open watcher. `stop` may be
 * called in any state, and its promise is the same for all callers.
 */
import { EventEmitter } from 'node:events';
import { type ByteName, shownName } from '../linux/names.js';
import { filterText, forgetFiltered, makeFilter } from './filter.js';
import { WatcherError, WatcherStoppedError } from './options/errors.js';
import { type Settings, settingsOf } from './options/options.js';
import type { WatchEvent, WatcherEvents, WatcherOptions } from './options/types.js';
import { PendingPaths } from './reconcile/pending.js';
import { type Platform, platformOf } from './reconcile/platform.js';
import { StateStore, stateError } from './reconcile/state-store.js';
import { RootWatch, type WatchRoot } from './root-watch.js';
import { ownState, watchRootOf } from './watch-root.js';

type Name = keyof WatcherEvents;
type Listener<N extends Name> = (...args: WatcherEvents[N]) => void;

/**
 * Node's own types take any text for the name of an event beside the known ones, in some versions. Here a name that is
 * misspelt does not compile.
 */
interface Listening {
  on<N extends Name>(name: N, listener: Listener<N>): this;
  once<N extends Name>(name: N, listener: Listener<N>): this;
  off<N extends Name>(name: N, listener: Listener<N>): this;
  addListener<N extends Name>(name: N, listener: Listener<N>): this;
  removeListener<N extends Name>(name: N, listener: Listener<N>): this;
  prependListener<N extends Name>(name: N, listener: Listener<N>): this;
  prependOnceListener<N extends Name>(name: N, listener: Listener<N>): this;
  removeAllListeners(name?: Name): this;
}

/**
 * A watcher of directory trees.
 * Guarantees: a consumer that applies all events has the tree whenever no event is left, however many events the kernel
 * dropped. Memory is bounded, whatever the size of the tree and the speed of the consumer. After `stop` no descriptor,
 * timer or thread is left.
 */
export interface Watcher extends Omit<EventEmitter, keyof Listening>, Listening {
  /**
   * Watches a directory and everything below it, or one file. Resolves when every later change will be reported.
   * Entries that exist by then are reported with `initial`, or if `statePath` has an older state of them. Watching the
   * same path twice is one watch.
   * Errors: WatcherError, op `watch` (the root is missing, cannot be read, or is a symlink to a file) or `state` (the
   * state cannot be used); WatcherStoppedError.
   */
  watch(path: string | Buffer): Promise<void>;
  /**
   * The events, each once: several iterators share them. An event counts as delivered when the next one is requested.
   * With `statePath`, an event that was not delivered comes again at the next start. Ends on `stop`.
   */
  events(): AsyncIterableIterator<WatchEvent>;
  /**
   * Resolves when everything that happened before the call is reported and taken, at the first quiet moment after it.
   * Errors: WatcherStoppedError if the watcher was stopped, or is stopped meanwhile; the `internal` error of a root that
   * is watched no more.
   */
  idle(): Promise<void>;
  /** Stops the watcher. May be called at any time and more than once. Events that nobody has taken are dropped. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a watcher, which reports what changes in directory trees. It watches nothing before `watch` is called.
 *
 * ```ts
 * const watcher = createWatcher({ ignore: ['node_modules'] });
 * await watcher.watch('/data');
 * for await (const { operation, path } of watcher.events()) console.log(operation, path);
 * ```
 *
 * Errors: WatcherError, op `options`.
 */
export const createWatcher = (options: WatcherOptions = {}): Watcher => new TreeWatcher(settingsOf(options));

class TreeWatcher extends EventEmitter<WatcherEvents> implements Watcher {
  readonly #settings: Settings;
  readonly #pending: PendingPaths;
  readonly #roots = new Map<string, { watch: RootWatch; ready: Promise<void> }>();
  readonly #abort = (): void => void this.stop();
  #platform: Promise<Platform> | undefined;
  #store: StateStore | undefined;
  #iterators = 0;
  #pumping = false;
  #stopped: Promise<void> | undefined;
  #fault: WatcherError | undefined;

  constructor(settings: Settings) {
    super();
    this.#settings = settings;
    this.#pending = new PendingPaths(settings.bufferMax, () => this.#pump());
    (this as EventEmitter).on('newListener', (name) => {
      if (name === 'event') setImmediate(() => this.#pump());
    });
    if (settings.signal?.aborted) this.#abort();
    else settings.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  async watch(path: string | Buffer): Promise<void> {
    if (this.#stopped !== undefined) throw new WatcherStoppedError();
    const place = watchRootOf(path);
    const key = joinKey(place);
    this.#platform ??= platformOf(this.#settings);
    const platform = await this.#platform;
    if (this.#stopped !== undefined) throw new WatcherStoppedError();
    const already = this.#roots.get(key);
    if (already !== undefined) return already.ready;
    this.#store ??= new StateStore(this.#settings.statePath);
    const kept = this.#store.root(key as ByteName, this.#settings.initial);
    const filter = makeFilter(this.#settings, place);
    if (place.only !== undefined && !filter.wants(place.only, false)) throw ownState(key as ByteName);
    const watch = new RootWatch({
      place,
      settings: this.#settings,
      filter,
      platform,
      ...kept,
      pending: this.#pending,
      emit: (name, ...args) => this.#emit(name, ...args),
      failed: (error) => this.#fail(key, error),
      log: (level, fields, message) => this.#settings.logger?.[level](fields, message),
    });
    const ready = this.#begin(
      key,
      watch,
      forgetFiltered(kept.deliveredTree, filter, filterText(this.#settings), this.#goesOn),
    );
    this.#roots.set(key, { watch, ready });
    await ready;
  }

  readonly #goesOn = (): boolean => this.#stopped === undefined;

  /** Nothing is checked before the delivered tree fits this filter. */
  async #begin(key: string, watch: RootWatch, forgotten: Promise<void>): Promise<void> {
    try {
      await forgotten;
    } catch (error) {
      this.#roots.delete(key);
      throw stateError(this.#settings.statePath, error, 'cannot be read or written: see the cause');
    }
    if (!this.#goesOn()) throw new WatcherStoppedError();
    return watch.start();
  }

  async *events(): AsyncIterableIterator<WatchEvent> {
    this.#iterators += 1;
    try {
      for (let event = await this.#pending.take(); event !== undefined; event = await this.#pending.take()) {
        this.emit('event', event);
        yield event;
      }
    } finally {
      this.#iterators -= 1;
      this.#pending.leave();
    }
  }

  async idle(): Promise<void> {
    // A delivered path may become pending again, be delayed, or have its directory read. Then this is repeated.
    for (let changes = -1; this.#stopped === undefined && changes !== this.#pending.changes; ) {
      changes = this.#pending.changes;
      for (const { watch, ready } of this.#roots.values()) {
        await ready;
        await watch.flush();
      }
      await this.#pending.untilQuiet();
    }
    if (this.#stopped !== undefined) throw new WatcherStoppedError();
    if (this.#fault !== undefined) throw this.#fault;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #end(): Promise<void> {
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    this.#pending.close();
    const ended = await Promise.allSettled([...this.#roots.values()].map(({ watch }) => watch.stop()));
    this.#store?.close();
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  #fail(key: string, cause: unknown): void {
    this.#roots.delete(key);
    const path = shownName(key as ByteName);
    const sentence = `${path} is not watched any more because of a bug in the watcher: report it with the cause (${cause}).`;
    const fault = new WatcherError('internal', path, 'FAULT', sentence, { cause });
    this.#fault ??= fault;
    this.#emit('error', fault);
  }

  /** Emits waiting events to the listeners, if nobody iterates. */
  #pump(): void {
    if (this.#pumping || this.#iterators > 0 || this.listenerCount('event') === 0) return;
    this.#pumping = true;
    // Not inside the call that reported it: a listener that throws is not a failure of the watcher.
    queueMicrotask(() => this.#emitNext());
  }

  #emitNext(): void {
    const event = this.#pending.takeNow();
    this.#pumping = false;
    if (event === undefined) return;
    try {
      this.emit('event', event);
    } finally {
      this.#pending.deliver();
      this.#pump();
    }
  }

  #emit<K extends keyof WatcherEvents>(name: K, ...args: WatcherEvents[K]): void {
    const [about] = args;
    const level = name === 'error' || name === 'overflow' ? 'warn' : 'info';
    this.#settings.logger?.[level](about instanceof Error ? { err: about } : { ...about }, name);
    // An `error` event without a listener would be thrown.
    if (this.listenerCount(name) === 0) return;
    try {
      (this as EventEmitter).emit(name, ...args);
    } catch (error) {
      // A listener that throws is an uncaught exception, and no failure of the watcher.
      setImmediate(() => {
        throw error;
      });
    }
  }
}

const joinKey = ({ root, only }: WatchRoot): string => (only === undefined ? root : `${root}/${only}`);
