/**
 * The counts of a transaction, collected in memory: each counter or depth is written once, whatever the number of jobs.
 * Guarantees: counts of a savepoint that is rolled back are dropped with it.
 */
import type { JobId, StageName } from '../backend.js';
import { limits } from '../limits.js';
import type { Rows } from './rows.js';

/**
 * A count of one of three kinds; `name` distinguishes them. A counter: `at` is 0. A depth: `at` is the second of
 * creation. A duration: `at` is the upper end of its bucket, and `bytes` is a sum of ms.
 */
interface Count {
  feed: string;
  stage: StageName;
  name: string;
  at: number;
  files: number;
  bytes: number;
}

/** The position at which a savepoint began. */
interface Savepoint {
  counts: number;
  ended: number;
}

/** Names that no counter has. */
const DEPTH_NAME = '';
const DURATION_NAME = '\0';
/** How many recent counts are searched for one with the same name. */
const RECENT = 16;

/** A sum of bytes ends here: refused files may have petabytes each, and the database refuses a sum above 2^63. */
const COUNT = `INSERT INTO counters VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = min(bytes + excluded.bytes, ${Number.MAX_SAFE_INTEGER})`;
const DEPTH = `INSERT INTO depths VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, bytes = bytes + excluded.bytes RETURNING jobs`;
const DURATION = `INSERT INTO durations VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, ms = ms + excluded.ms`;
const ENDED = 'INSERT INTO endings (job) VALUES (?)';
const FORGET_ENDED = `DELETE FROM endings WHERE number <= ? - ${limits.endingsKept}`;
/** Older endings are removed this many at a time, which saves a statement when jobs end one by one. */
const FORGET_EVERY = 64;
const NO_DEPTH = 'DELETE FROM depths WHERE feed = ? AND stage = ? AND second = ?';

export class Tally {
  #counts: Count[] = [];
  #ended: JobId[] = [];
  /** Counts before this index belong to outer savepoints, and must not be changed. */
  #floor = 0;

  begin(): void {
    this.#counts = [];
    this.#ended = [];
    this.#floor = 0;
  }

  savepoint(): Savepoint {
    this.#floor = this.#counts.length;
    return { counts: this.#floor, ended: this.#ended.length };
  }

  forgetSince(savepoint: Savepoint): void {
    this.#counts.length = savepoint.counts;
    this.#ended.length = savepoint.ended;
    this.#floor = savepoint.counts;
  }

  count(feed: string, stage: StageName, name: string, files: number, bytes: number): void {
    this.#add(feed, stage, name, 0, files, bytes);
  }

  depth(feed: string, stage: StageName, second: number, jobs: number, bytes: number): void {
    this.#add(feed, stage, DEPTH_NAME, second, jobs, bytes);
  }

  duration(feed: string, stage: StageName, ms: number): void {
    const whole = Math.max(0, Math.round(ms));
    this.#add(feed, stage, DURATION_NAME, bucketOf(whole), 1, whole);
  }

  ended(job: JobId): void {
    this.#ended.push(job);
  }

  #add(feed: string, stage: StageName, name: string, at: number, files: number, bytes: number): void {
    // A batch counts the same few names a thousand times.
    for (let i = this.#counts.length - 1; i >= Math.max(this.#floor, this.#counts.length - RECENT); i--) {
      const same = this.#counts[i]!;
      if (same.at !== at || same.name !== name || same.stage !== stage || same.feed !== feed) continue;
      same.files += files;
      same.bytes += bytes;
      return;
    }
    this.#counts.push({ feed, stage, name, at, files, bytes });
  }

  get isEmpty(): boolean {
    return this.#counts.length === 0 && this.#ended.length === 0;
  }

  /** Called directly before COMMIT. */
  write(rows: Rows): void {
    this.#writeEnded(rows);
    for (const { feed, stage, name, at, files, bytes } of this.#sums()) {
      if (name === DURATION_NAME) rows.run(DURATION, feed, stage, at, files, bytes);
      else if (name !== DEPTH_NAME) rows.run(COUNT, feed, stage, name, files, bytes);
      else if (files !== 0 || bytes !== 0) {
        const { jobs } = rows.get<{ jobs: number }>(DEPTH, feed, stage, at, files, bytes)!;
        if (jobs === 0) rows.run(NO_DEPTH, feed, stage, at);
      }
    }
    this.#counts = [];
  }

  #writeEnded(rows: Rows): void {
    if (this.#ended.length === 0) return;
    for (const job of this.#ended.slice(-limits.endingsKept)) {
      const number = Number(rows.run(ENDED, job).lastInsertRowid);
      if (number % FORGET_EVERY === 0) rows.run(FORGET_ENDED, number);
    }
    this.#ended = [];
  }

  #sums(): Iterable<Count> {
    const sums = new Map<string, Count>();
    for (const count of this.#counts) {
      const name = `${count.feed}\0${count.stage}\0${count.name}\0${count.at}`;
      const sum = sums.get(name);
      if (!sum) sums.set(name, { ...count });
      else {
        sum.files += count.files;
        sum.bytes += count.bytes;
      }
    }
    return sums.values();
  }
}

/** The next power of two above `ms`; 1 for less than a millisecond. */
const bucketOf = (ms: number): number => 2 ** Math.min(32 - Math.clz32(Math.min(ms, 2 ** 31 - 1)), 31);
