/**
 * How many files a peer can be given: one that would take longer than the limit, or does, runs with fewer, and is marked.
 */
import { TooLong } from './run.mjs';
import { chosen, sitting } from './sitting.mjs';

/** So many then. */
const SLOW_FILES = 10_000;
/** Two trials: the difference leaves out what starting up takes. */
const TRIAL_FILES = [500, 2_000];

/** A sitting of those that were asked for. `secondsOf(contestant, files)` makes a trial run that does not count. */
export async function bearableSitting({ contestants, options, files, rounds, tell, secondsOf }, run) {
  const trial = secondsOf ?? (async (contestant, some) => (await run(contestant, some)).seconds);
  const bearable = new Bearable(options, files, trial);
  const rows = await sitting({ rounds, contestants: chosen(contestants, options), tell }, async (contestant) => {
    try {
      return await run(contestant, await bearable.filesFor(contestant));
    } catch (error) {
      // Some take longer for each file the more there are, which no trial shows.
      if (!(error instanceof TooLong) || !bearable.shorten(contestant)) throw error;
      tell(`  ${contestant.title}: ${error.message}; once more with ${SLOW_FILES}`);
      return run(contestant, SLOW_FILES);
    }
  });
  bearable.mark(rows);
  return rows;
}

class Bearable {
  #given = new Map();
  #limitSeconds;
  #files;
  #secondsOf;

  constructor({ limitSeconds }, files, secondsOf) {
    this.#limitSeconds = limitSeconds;
    this.#files = files;
    this.#secondsOf = secondsOf;
  }

  /** The product, and a quick peer, get all. */
  async filesFor(contestant) {
    const { id, kind, quick, missing } = contestant;
    if (!this.#given.has(id)) {
      const free = kind === 'product' || quick || missing?.() || this.#files <= SLOW_FILES;
      this.#given.set(id, free || !(await this.#tooSlow(contestant)) ? this.#files : SLOW_FILES);
    }
    return this.#given.get(id);
  }

  /** False where it has had no more than that. */
  shorten({ id, kind }) {
    if (kind === 'product' || this.#given.get(id) <= SLOW_FILES) return false;
    this.#given.set(id, SLOW_FILES);
    return true;
  }

  /** Says so in the rows of those that got fewer. */
  mark(rows) {
    for (const row of rows) {
      const fewer = this.#given.get(row.id) ?? this.#files;
      if (fewer < this.#files)
        row.mark = `at ${fewer.toLocaleString('en-US')} files: more would take over ${this.#limitSeconds} s`;
    }
  }

  async #tooSlow(contestant) {
    const [few, more] = TRIAL_FILES;
    const short = await this.#secondsOf(contestant, few);
    const seconds = (await this.#secondsOf(contestant, more)) - short;
    return (seconds / (more - few)) * this.#files > this.#limitSeconds;
  }
}
