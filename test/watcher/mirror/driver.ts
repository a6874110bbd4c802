/**
 * The mirror test: several processes change a tree at random, a watcher in another tells what changed, and a mirror that is
 * driven by these events alone is held against the tree at every quiet point. Between two of them, in turn: nothing
 * else happens; nobody takes the events for a while (slow), or until the watcher says that it lost some (starved); its
 * process is stopped; it is stopped until the kernel's queue is full (flooded); it is ended and another one begins where
 * it was (restarted).
 * Repeatable by its seed as far as processes that race can be.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromActor, ToActor } from './actor.js';
import type { Differences } from './picture.js';
import { Process } from './process.js';
import type { FromSubject, ToSubject } from './subject.js';

export interface MirrorOptions {
  /** The module of the adapter (adapter.ts). */
  adapter: string;
  operations: number;
  seed: number;
  /** Between two quiet points. */
  perRound: number;
  /** Names that are no UTF-8. */
  odd: boolean;
  /** Whether the watcher is ended and begun again: for one that knows what changed meanwhile. */
  restarts: boolean;
  /** Whether it has a consumer that can be slow. */
  pauses: boolean;
  /** Where the tree lies; default: the temporary directory. */
  base?: string;
  onQuiet?(at: { operations: number; differences: Differences; round: Round }): void;
}

export interface MirrorResult {
  operations: number;
  quietPoints: number;
  /** Quiet points at which the mirror was not the tree. */
  wrongPoints: number;
  missing: number;
  extra: number;
  stale: number;
  examples: string[];
  /** At the end. */
  entries: number;
  events: number;
  /** How often the kernel's queue was made to overflow, and the buffer of a consumer that can be paused. */
  flooded: number;
  starved: number;
  starts: number;
  overflows: Record<string, number>;
  scans: Record<string, number>;
  troubles: string[];
  seconds: number;
}

export type Round = 'plain' | 'slow' | 'starved' | 'stopped' | 'flooded' | 'restarted';
const ROUNDS: readonly Round[] = ['plain', 'slow', 'stopped', 'starved', 'plain', 'flooded', 'restarted', 'plain'];
const ACTORS = 3;
const QUEUE = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
/** Beyond it the queue is not filled: it would take too long. */
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
    ...{ operations: 0, quietPoints: 0, wrongPoints: 0, missing: 0, extra: 0, stale: 0, examples: [], entries: 0 },
    ...{ events: 0, flooded: 0, starved: 0, starts: 1, overflows: {}, scans: {}, troubles: [], seconds: 0 },
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
    const state = this.#options.restarts ? { state: join(this.#base, 'state') } : {};
    const places = { root: this.#root, ...state };
    await this.#subject.ask({ kind: 'start', adapter: this.#options.adapter, places });
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
    const { seed, odd } = this.#options;
    return { root: this.#root, outside: join(this.#base, 'out'), number, seed: seed * ACTORS + number, odd };
  }

  #roundAt(n: number): Round {
    const round = ROUNDS[n % ROUNDS.length]!;
    if (round === 'restarted' && !this.#options.restarts) return 'plain';
    if ((round === 'slow' || round === 'starved') && !this.#options.pauses) return 'plain';
    return round === 'flooded' && QUEUE > QUEUE_MAX ? 'stopped' : round;
  }

  async #round(round: Round): Promise<void> {
    const paused = round === 'slow' || round === 'starved';
    if (paused) await this.#subject.ask({ kind: 'pause' });
    if (round === 'restarted') await this.#subject.ask({ kind: 'stop' });
    const stopped = round === 'stopped' || round === 'flooded';
    if (stopped) this.#subject.kill('SIGSTOP');
    await this.#act(round === 'flooded' ? Math.ceil(QUEUE / ACTORS) : 0);
    if (stopped) this.#subject.kill('SIGCONT');
    if (round === 'starved') await this.#subject.ask({ kind: 'starve' });
    if (paused) await this.#subject.ask({ kind: 'resume' });
    if (round === 'restarted') await this.#subject.ask({ kind: 'again' });
    this.#note(round, await this.#subject.ask({ kind: 'compare' }));
  }

  async #act(noise: number): Promise<void> {
    const operations = Math.ceil(this.#options.perRound / ACTORS);
    const acted = await Promise.all(this.#actors.map((actor) => actor.ask({ kind: 'act', operations, noise })));
    for (const one of acted) if (one.kind === 'acted') this.#result.operations += one.operations;
  }

  #note(round: Round, told: FromSubject): void {
    const result = this.#result;
    const differences = told.differences!;
    const { missing, extra, stale, examples } = differences;
    result.quietPoints += 1;
    if (missing + extra + stale > 0) result.wrongPoints += 1;
    result.missing += missing;
    result.extra += extra;
    result.stale += stale;
    if (result.examples.length < 20) result.examples.push(...examples.map((one) => `${round}: ${one}`));
    if (round === 'flooded') result.flooded += 1;
    if (round === 'starved') result.starved += 1;
    if (round === 'restarted') result.starts += 1;
    const { entries, events, overflows, scans, troubles } = told;
    Object.assign(result, { entries, events, overflows, scans, troubles });
    this.#options.onQuiet?.({ operations: result.operations, differences, round });
  }
}
