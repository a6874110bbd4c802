/**
 * Decides which scan runs now, which one next, and how fast.
 * Guarantees: a requested scan starts after the request (a request during a scan causes another scan). A new directory
 * does not wait for a scan of the whole tree, nor does that one wait for a stream of new directories: they take turns.
 * Periodic scans take at most `scanShare` of a core.
 * Does not: read directories (scan.ts does).
 */
import type { ByteName } from '../../linux/names.js';
import type { Backend } from '../backend/backend.js';
import { limits } from '../backend/limits.js';
import type { ScanCause } from '../backend/types.js';
import { Scan, type ScanHooks } from './scan.js';

const PACED: ReadonlySet<ScanCause> = new Set(['periodic', 'retry']);

export class Schedule {
  /** Increased with every scan of the whole tree. */
  round = 0;
  #wanted: ScanCause | undefined;
  readonly #directories = new Set<ByteName>();
  #part: Scan | undefined;
  #main: Scan | undefined;
  #wasPart = false;
  #paceUntilMs = 0;
  /** The time that a slowed scan has used since its last rest. */
  #unpacedMs = 0;
  #periodicAtMs = Number.POSITIVE_INFINITY;
  #retryAtMs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly backend: Backend,
    private readonly hooks: ScanHooks,
    /** Directories that failed or have no watch, and the hooks to scan them. */
    private readonly retries: { paths(): ByteName[]; hooks: ScanHooks },
    private readonly listener: { onBegin(scan: Scan): void; onAbandon(scan: Scan): void },
  ) {}

  /**
   * Requests a scan of the whole tree at full speed, which starts after this call. False: one was already requested.
   */
  want(cause: ScanCause): boolean {
    if (this.#wanted !== undefined) return false;
    this.#wanted = cause;
    return true;
  }

  wantDirectory(path: ByteName): void {
    if (this.#directories.size >= limits.directoriesMax) this.want('marks_full');
    else this.#directories.add(path);
  }

  /** The directory is about to be read, which fulfils the request for it. */
  begun(path: ByteName): void {
    this.#directories.delete(path);
  }

  retryIn(ms: number, nowMs: number): void {
    this.#retryAtMs = Math.min(this.#retryAtMs, nowMs + ms);
  }

  periodicIn(ms: number, nowMs: number): void {
    this.#periodicAtMs = nowMs + ms;
  }

  /** The scan to continue now, if any. */
  next(nowMs: number): Scan | undefined {
    if (this.#part === undefined && this.#directories.size > 0) {
      this.#part = this.#begin('new', [...this.#directories], this.hooks);
      this.#directories.clear();
    }
    const main = this.#mainNow(nowMs);
    this.#wasPart = this.#part !== undefined && !(this.#wasPart && main !== undefined);
    return this.#wasPart ? this.#part : main;
  }

  #mainNow(nowMs: number): Scan | undefined {
    if (this.#main !== undefined && PACED.has(this.#main.cause) && this.#wanted !== undefined)
      this.#abandon(this.#main);
    this.#main ??= this.#nextMain(nowMs);
    if (this.#main === undefined) return undefined;
    return PACED.has(this.#main.cause) && nowMs < this.#paceUntilMs ? undefined : this.#main;
  }

  /** True: a scan of new directories is requested or under way. */
  get isReadingNew(): boolean {
    return this.#part !== undefined || this.#directories.size > 0;
  }

  /** When `next` may return something, unless something is requested before. */
  get nextAtMs(): number {
    if (this.isReadingNew || this.#wanted !== undefined) return 0;
    if (this.#main !== undefined) return PACED.has(this.#main.cause) ? this.#paceUntilMs : 0;
    return Math.min(this.#periodicAtMs, this.#retryAtMs);
  }

  /** A slice of `scan` took `tookMs`. */
  sliced(scan: Scan, tookMs: number, nowMs: number): void {
    if (PACED.has(scan.cause)) {
      this.#unpacedMs += tookMs;
      if (this.#unpacedMs >= limits.paceBurstMs || scan.done) {
        this.#paceUntilMs = nowMs + this.#unpacedMs * (1 / limits.scanShare - 1);
        this.#unpacedMs = 0;
      }
    }
    if (scan.done) this.#end(scan);
  }

  /** The root has gone: every running scan ends unfinished. */
  abandonAll(): void {
    for (const scan of [this.#part, this.#main]) if (scan !== undefined) this.#abandon(scan);
    this.#directories.clear();
  }

  #nextMain(nowMs: number): Scan | undefined {
    if (this.#wanted !== undefined || nowMs >= this.#periodicAtMs) {
      const cause = this.#wanted ?? 'periodic';
      this.#wanted = undefined;
      this.#periodicAtMs = Number.POSITIVE_INFINITY;
      this.round += 1;
      return this.#begin(cause, ['' as ByteName], this.hooks);
    }
    if (nowMs < this.#retryAtMs) return undefined;
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    const paths = this.retries.paths();
    return paths.length === 0 ? undefined : this.#begin('retry', paths, this.retries.hooks);
  }

  #begin(cause: ScanCause, from: ByteName[], hooks: ScanHooks): Scan {
    const scan = new Scan(cause, from, hooks, this.backend);
    this.listener.onBegin(scan);
    return scan;
  }

  #abandon(scan: Scan): void {
    scan.close();
    this.#end(scan);
    this.listener.onAbandon(scan);
  }

  #end(scan: Scan): void {
    if (this.#part === scan) this.#part = undefined;
    if (this.#main === scan) this.#main = undefined;
  }
}
