/**
 * What a transaction counts, gathered in memory: one row a counter or depth is written, whatever the number of jobs.
 * Guarantees: what was counted in a savepoint that is rolled back is forgotten with it.
 */
import type { StageName } from '../backend.js';
import type { Rows } from './rows.js';

/** Of a counter; a depth has no name, and `second` is the one in which its jobs were made. */
interface Count {
  feed: string;
  stage: StageName;
  name: string;
  second: number;
  files: number;
  bytes: number;
}

/** Where a savepoint began. */
export interface Mark {
  counts: number;
}

/** Of a counter. */
export const NO_SECOND = -1;
/** So many counts are looked at for one of the same name. */
const RECENT = 12;

const COUNT = `INSERT INTO counters VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes`;
const DEPTH = `INSERT INTO depths VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs, bytes = bytes + excluded.bytes RETURNING jobs`;
const NO_DEPTH = 'DELETE FROM depths WHERE feed = ? AND stage = ? AND second = ?';

export class Tally {
  #counts: Count[] = [];
  /** Counts before it belong to savepoints that may outlive the one under way. */
  #floor = 0;

  begin(): void {
    this.#counts = [];
    this.#floor = 0;
  }

  mark(): Mark {
    this.#floor = this.#counts.length;
    return { counts: this.#floor };
  }

  forgetSince(mark: Mark): void {
    this.#counts.length = mark.counts;
    this.#floor = mark.counts;
  }

  add(feed: string, stage: StageName, name: string, second: number, files: number, bytes: number): void {
    // A batch counts the same few things a thousand times over.
    for (let i = this.#counts.length - 1; i >= Math.max(this.#floor, this.#counts.length - RECENT); i--) {
      const same = this.#counts[i]!;
      if (same.second !== second || same.name !== name || same.stage !== stage || same.feed !== feed) continue;
      same.files += files;
      same.bytes += bytes;
      return;
    }
    this.#counts.push({ feed, stage, name, second, files, bytes });
  }

  /** Answers whether there was anything. */
  write(rows: Rows): boolean {
    if (this.#counts.length === 0) return false;
    for (const { feed, stage, name, second, files, bytes } of this.#sums()) {
      if (second === NO_SECOND) rows.run(COUNT, feed, stage, name, files, bytes);
      else if (files !== 0 || bytes !== 0) {
        const { jobs } = rows.get<{ jobs: number }>(DEPTH, feed, stage, second, files, bytes)!;
        if (jobs === 0) rows.run(NO_DEPTH, feed, stage, second);
      }
    }
    this.#counts = [];
    return true;
  }

  #sums(): Iterable<Count> {
    const sums = new Map<string, Count>();
    for (const count of this.#counts) {
      const name = `${count.feed}\0${count.stage}\0${count.name}\0${count.second}`;
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
