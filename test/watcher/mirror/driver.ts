/**
 * Measures what a watcher loses, for the comparison with others (bench/cases/o-mirror.mjs). Several processes change a
 * tree at random, a watcher in another process reports the changes, and a mirror that gets only these events is
 * compared with the tree at every quiet point. In between, the watcher's process is stopped now and then, or stopped
 * until the kernel's queue is full (flooded).
 * Does not: test features of this package's watcher only: names that are not UTF-8, a slow consumer, a second start.
 * consumers.test.ts tests its contract. A seed repeats a run as far as racing processes allow.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromActor, ToActor } from './actor.js';
import { Process } from './process.js';
import type { FromSubject, ToSubject } from './subject.js';

export interface MirrorOptions {
  /** The module of the adapter (adapter.ts). */
  adapter: string;
  operations: number;
  seed: number;
  /** Between two quiet points. */
  perRound: number;
  /** The directory of the tree; default: the temporary directory. */
  base?: string;
}

export interface MirrorResult {
  operations: number;
  quietPoints: number;
  /** Quiet points at which the mirror was wrong. */
  wrongPoints: number;
  missing: number;
  extra: number;
  stale: number;
  examples: string[];
  /** At the end. */
  entries: number;
  events: number;
  /** How often the kernel's queue was made to overflow. */
  flooded: number;
  overflows: Record<string, number>;
  scans: Record<string, number>;
  troubles: string[];
  seconds: number;
}

type Round = 'plain' | 'stopped' | 'flooded';
const ROUNDS: readonly Round[] = ['plain', 'plain', 'stopped', 'plain', 'plain', 'flooded', 'plain', 'plain'];
const ACTORS = 3;
const QUEUE = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
/** A larger queue is not filled: it would take too long. */
const QUEUE_MAX = 100_000;

export async function mirror(options: MirrorOptions): Promise<MirrorResult> {
  const base = mkdtempSync(join(options.base ?? tmpdir(), 'mirror-'));
  const run = new Mirror(options, base);
  try {
    return await run.run();
  } finally {
    await run.end();
    rmSync(base, { recursive: true, force: true });
  }
}

class Mirror {
  readonly #options: MirrorOptions;
  readonly #root: string;
  readonly #base: string;
  readonly #subject = new Process<ToSubject, FromSubject>(join(import.meta.dirname, 'subject.js'));
  readonly #actors = Array.from(
    { length: ACTORS },
    () => new Process<ToActor, FromActor>(join(import.meta.dirname, 'actor.js')),
  );
  readonly #result: MirrorResult = {
    operations: 0,
    quietPoints: 0,
    wrongPoints: 0,
    missing: 0,
    extra: 0,
    stale: 0,
    examples: [],
    entries: 0,
    events: 0,
    flooded: 0,
    overflows: {},
    scans: {},
    troubles: [],
    seconds: 0,
  };

  constructor(options: MirrorOptions, base: string) {
    this.#options = options;
    this.#base = base;
    this.#root = join(base, 'in');
  }

  async run(): Promise<MirrorResult> {
    const from = performance.now();
    mkdirSync(this.#root);
    mkdirSync(join(this.#base, 'out'));
    const { adapter } = this.#options;
    await this.#subject.ask({ kind: 'start', adapter, places: { root: this.#root } });
    await Promise.all(
      this.#actors.map((actor, number) => actor.ask({ kind: 'be', options: this.#actorOptions(number) })),
    );
    for (let n = 0; this.#result.operations < this.#options.operations; n++) await this.#round(this.#roundAt(n));
    this.#result.seconds = (performance.now() - from) / 1000;
    return this.#result;
  }

  async end(): Promise<void> {
    await Promise.all([this.#subject, ...this.#actors].map((one) => one.end()));
  }

  #actorOptions(number: number) {
    const seed = this.#options.seed * ACTORS + number;
    return { root: this.#root, outside: join(this.#base, 'out'), number, seed, odd: false };
  }

  #roundAt(n: number): Round {
    const round = ROUNDS[n % ROUNDS.length]!;
    return round === 'flooded' && QUEUE > QUEUE_MAX ? 'stopped' : round;
  }

  async #round(round: Round): Promise<void> {
    if (round !== 'plain') this.#subject.kill('SIGSTOP');
    await this.#act(round === 'flooded' ? Math.ceil(QUEUE / ACTORS) : 0);
    if (round !== 'plain') this.#subject.kill('SIGCONT');
    this.#note(round, await this.#subject.ask({ kind: 'compare' }));
  }

  async #act(noise: number): Promise<void> {
    const operations = Math.ceil(this.#options.perRound / ACTORS);
    const acted = await Promise.all(this.#actors.map((actor) => actor.ask({ kind: 'act', operations, noise })));
    for (const one of acted) if (one.kind === 'acted') this.#result.operations += one.operations;
  }

  #note(round: Round, told: FromSubject): void {
    const result = this.#result;
    const { missing, extra, stale, examples } = told.differences!;
    result.quietPoints += 1;
    if (missing + extra + stale > 0) result.wrongPoints += 1;
    result.missing += missing;
    result.extra += extra;
    result.stale += stale;
    if (result.examples.length < 20) result.examples.push(...examples.map((one) => `${round}: ${one}`));
    if (round === 'flooded') result.flooded += 1;
    const { entries, events, overflows, scans, troubles } = told;
    Object.assign(result, { entries, events, overflows, scans, troubles });
  }
}
