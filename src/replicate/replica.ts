/**
 * The mirror at work: changes as they are told, what could not be done again, everything once in a while.
 * Guarantees: one thing at a time (save large copies), so nobody works on what another one is about to move; whatever ends this
 * process, the next start finds what is left by a look at everything.
 * Does not: watch by itself; the events come from outside (watching.ts), so that it can be driven without them.
 */
import { join } from 'node:path';
import { type ChangeLog, ChangeLogError, createChangeLog } from '../change-log/index.js';
import type { ByteName } from '../linux/index.js';
import { Follow, type Told, wholeMoves } from './follow.js';
import { Known } from './known.js';
import { limits } from './limits.js';
import { Mirror } from './mirror.js';
import { Missing } from './missing.js';
import { type Opened, openReplica } from './open.js';
import { Place } from './place.js';
import { Retries } from './retries.js';
import { Trouble } from './trouble.js';
import type { Look, Replicated, ReplicateOptions } from './types.js';
import { Wake } from './wake.js';

const CONSUMER = 'ingest-replicate';
const ROOT = '' as ByteName;
const PASSES = ['change_log_full', 'change_log_io', 'change_log_gap', 'change_log_lost_consumer'];

export class Replica {
  readonly #end = new AbortController();
  readonly #wake = new Wake();
  readonly #trouble: Trouble;
  readonly #missing: Missing;
  readonly #mirror: Mirror;
  /** In the log. */
  #recorded = 0;
  #read = 0;
  #scanAtMs = 0;
  #failed: { error: unknown } | undefined;
  #logCode: string | undefined;
  /** It is asked again then. */
  #logAtMs = 0;

  private constructor(
    private readonly options: ReplicateOptions,
    private readonly opened: Opened,
    private readonly log: ChangeLog,
  ) {
    const { emit } = opened;
    this.#trouble = new Trouble(new Retries(emit), new Place(options.dest, emit));
    this.#missing = new Missing(options, emit);
    const parts = {
      ...opened,
      known: new Known(),
      delete: options.delete ?? true,
      checksum: options.checksum ?? false,
      wrote: () => this.#trouble.place.worked(),
    };
    this.#mirror = new Mirror(parts, this.#trouble, this.#end.signal);
  }

  /** Claims DEST and opens the log. Errors: OperatorError, EnvironmentError, ChangeLogError. */
  static async open(options: ReplicateOptions): Promise<Replica> {
    const opened = await openReplica(options);
    try {
      const log = await createChangeLog({ path: options.changeLog ?? join(opened.hiddenPath, 'changes.db') });
      const replica = new Replica(options, opened, log);
      await log.register(CONSUMER);
      // The look at everything that comes first covers what was left.
      replica.#read = await log.last();
      await log.ack(CONSUMER, replica.#read);
      return replica;
    } catch (error) {
      opened.dest.close();
      throw error;
    }
  }

  look(): Look {
    return {
      totals: { ...this.opened.totals },
      waiting: this.#trouble.place.code,
      unmirrored: this.#trouble.retries.size,
      largeUnderWay: this.#mirror.largeUnderWay,
      behind: Math.max(0, this.#recorded - this.#read),
    };
  }

  /** The first thing to do. Safe to call at any moment, and twice. */
  stop(): void {
    this.#end.abort();
    this.#wake.ring();
  }

  /** Ends it with an error: `run` rejects with that. */
  fail(error: unknown): void {
    this.#failed ??= { error };
    this.stop();
  }

  /** Takes what is told; resolves when the events have ended. */
  follow(events: AsyncIterable<Told>): Promise<void> {
    const follow = new Follow({
      log: this.log,
      source: this.options.source,
      onRecorded: (seq) => {
        this.#recorded = seq;
        this.#logCode = undefined;
        this.#wake.ring();
      },
      onLost: (error) => {
        this.#lostByLog(error);
        this.#wake.ring();
      },
    });
    return follow.run(events);
  }

  /** Until `stop`, or with `once` until all is done that can be. Closes everything. `ending`: ends what feeds the log. */
  async run(ending: () => Promise<void> = async () => {}): Promise<Replicated> {
    try {
      while (!this.#end.signal.aborted && (await this.#round()));
      if (this.#failed) throw this.#failed.error;
      return { totals: this.opened.totals, ...this.#trouble.retries.list() };
    } finally {
      await ending();
      await this.#mirror.stop();
      await this.log.close();
      this.opened.dest.close();
    }
  }

  /** False: all is done. */
  async #round(): Promise<boolean> {
    try {
      const worked = (await this.#batch()) || (await this.#again()) || (await this.#scan());
      this.#missing.back();
      if (worked) return true;
      if (this.options.once) return await this.#onceGoesOn();
    } catch (error) {
      if (this.options.once) throw this.#missing.asOperators(error);
      this.#missing.gone(error);
      this.#scanAtMs = 0;
      await this.#wake.wait(limits.placeRetryMs);
      return true;
    }
    const nextMs = Math.min(this.#scanAtMs, this.#trouble.retries.nextMs());
    await this.#wake.wait(nextMs - performance.now());
    return true;
  }

  /** What was told. Answers whether there was something. */
  async #batch(): Promise<boolean> {
    if (performance.now() < this.#logAtMs) return false;
    try {
      const changes = wholeMoves(await this.log.since(this.#read, { limit: limits.batchMax }));
      if (changes.length === 0) return false;
      await this.#mirror.apply(changes);
      if (this.#end.signal.aborted) return false;
      this.#read = changes.at(-1)!.seq;
      await this.log.ack(CONSUMER, this.#read);
      return true;
    } catch (error) {
      if (!(error instanceof ChangeLogError)) throw error;
      this.#lostByLog(error);
      if (error.code === 'change_log_lost_consumer' || error.code === 'change_log_gap') {
        await this.log.forget(CONSUMER);
        this.#read = (await this.log.register(CONSUMER)).seq;
      }
      return false;
    }
  }

  async #again(): Promise<boolean> {
    if (!this.#trouble.place.mayTry(performance.now())) return false;
    const due = this.#trouble.retries.due(performance.now());
    if (due.length > 0) await this.#mirror.again(due);
    if (!this.#trouble.retries.tooMany) return due.length > 0;
    this.#trouble.retries.tooMany = false;
    this.#scanAtMs = Math.min(this.#scanAtMs, performance.now() + limits.retryLongestMs);
    return due.length > 0;
  }

  /** Everything, with what is told meanwhile in between. */
  async #scan(): Promise<boolean> {
    if (performance.now() < this.#scanAtMs) return false;
    const began = performance.now();
    this.#scanAtMs = Number.POSITIVE_INFINITY;
    // One batch between two directories: who is told more than can be done still comes to an end.
    await this.#mirror.tree(ROOT, async () => void (await this.#batch()));
    const scanEveryMs = this.options.scanEveryMs ?? (this.options.poll ? limits.pollEveryMs : limits.scanEveryMs);
    // What was lost meanwhile has asked for another one.
    this.#scanAtMs = Math.min(
      this.#scanAtMs,
      performance.now() + (this.options.once ? Number.POSITIVE_INFINITY : scanEveryMs),
    );
    if (this.#end.signal.aborted) return true;
    this.opened.totals.scans++;
    this.opened.emit('replica_scan_done', { seconds: (performance.now() - began) / 1_000, ...this.opened.totals });
    return true;
  }

  async #onceGoesOn(): Promise<boolean> {
    if (this.#mirror.largeUnderWay > 0) {
      await this.#mirror.largeIdle();
      return true;
    }
    if (!this.#trouble.retries.hopeful()) return false;
    await this.#wake.wait(Math.max(this.#trouble.retries.nextMs() - performance.now(), 10));
    return true;
  }

  /** What a full disk does passes; a log that is another file by now does not. */
  #lostByLog(error: ChangeLogError): void {
    if (!PASSES.includes(error.code)) this.fail(error);
    if (this.#logCode !== error.code)
      this.opened.emit('replica_log_failing', { code: error.code, reason: error.message });
    this.#logCode = error.code;
    this.#logAtMs = performance.now() + limits.placeRetryMs;
    this.#scanAtMs = Math.min(this.#scanAtMs, this.#logAtMs);
  }
}
