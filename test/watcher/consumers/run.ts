/**
 * One seed: a tree changes at random and a consumer makes a copy from events only. The copy is checked after each
 * event, and compared with the tree at each quiet point. Between two quiet points there is a round (rounds.ts).
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WatcherOptions } from '../../../src/watcher/index.js';
import { chance } from '../../world/chance.js';
import { Actor } from '../mirror/acts.js';
import { harderActs } from './acts.js';
import { Copy, type Fault } from './copy.js';
import { Log } from './log.js';
import { treeOf } from './look.js';
import { Apart, Here, type Place } from './places.js';
import { type Plan, shownPlan } from './plan.js';
import { type Round, roundsOf } from './rounds.js';
import { ALL, drawTold, type Told, tellsOf } from './settings.js';
import { type Line, turns } from './taker.js';

export interface Outcome {
  operations: number;
  quietPoints: number;
  events: number;
  starts: number;
  rounds: Record<string, number>;
  /** The first fault of each round with the events near its path. None; or one if the run ends with it. */
  faults: (Fault & { round: string; report: string })[];
}

export interface RunOptions {
  operations: number;
  /** Continues after a fault, with a corrected copy. */
  goesOn: boolean;
}

/** With scans only: their interval. */
const POLL_MS = 100;
const MEMORY = '/dev/shm';

export class Run {
  readonly plan: Plan;
  readonly draw: (n: number) => number;
  readonly base: string;
  readonly root: string;
  readonly actor: Actor;
  readonly log: Log;
  readonly place: Place;
  /** In this round mtimes are put back, and a consumer that found nothing at a path reads again. */
  backdates = false;
  asksAgain = false;
  readonly #options: RunOptions;
  readonly #outcome: Outcome = { operations: 0, quietPoints: 0, events: 0, starts: 0, rounds: {}, faults: [] };
  #told: Told;
  #copy: Copy;
  #roundNow: Round | undefined;
  /** It cannot continue. */
  #broken = false;
  #faults: Fault[] = [];
  /** Its first scan has ended, so every directory is watched: now, and when the round started. */
  #isWatched = false;
  #wasWatched = false;
  #said: Record<string, number> = {};

  constructor(plan: Plan, options: RunOptions) {
    this.plan = plan;
    this.#options = options;
    this.base = mkdtempSync(join(plan.inMemory && existsSync(MEMORY) ? MEMORY : tmpdir(), 'consumers-'));
    this.root = join(this.base, 'in');
    this.log = new Log(this.root);
    this.draw = chance(plan.seed + 1);
    this.#told = plan.told;
    this.#copy = new Copy(tellsOf(plan.told));
    this.place = plan.apart ? new Apart(this.base, (line) => this.#take(line)) : new Here((line) => this.#take(line));
    for (const directory of [this.root, join(this.base, 'out')]) mkdirSync(directory);
    const { seed, odd } = plan;
    const places = { root: this.root, outside: join(this.base, 'out'), number: 0 };
    // A write through an excluded name is reported under no other name.
    const links = plan.told === ALL && !plan.changes;
    this.actor = new Actor(
      { ...places, seed: seed + 2, odd, links, dots: true },
      harderActs(() => this.backdates),
    );
  }

  async run(): Promise<Outcome> {
    try {
      if (!this.plan.initial) this.acts(this.plan.perRound);
      await this.start();
      if (!this.plan.initial) this.#copy.become(treeOf(this.root, this.#copy.tells));
      const rounds = roundsOf(this.plan);
      const isOver = (): boolean => this.#broken || (this.#outcome.faults.length > 0 && !this.#options.goesOn);
      while (this.#outcome.operations < this.#options.operations && !isOver())
        await this.#round(rounds[this.draw(rounds.length)]!);
      return this.#outcome;
    } finally {
      await (this.place instanceof Apart ? this.place.kill() : this.place.stop());
      rmSync(this.base, { recursive: true, force: true });
    }
  }

  /** A few operations in this turn. */
  acts(count: number): void {
    for (let done = 0; done < count; ) {
      if (!this.actor.act()) continue;
      done += 1;
      this.log.act(this.actor.last);
    }
    this.#outcome.operations += count;
  }

  /** Operations, with turns of the loop between them. */
  async act(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const now = Math.min(left, 1 + this.draw(this.plan.perTurn));
      this.acts(now);
      left -= now;
      await turns(1, this.draw(16) === 0 ? this.draw(10) : 0);
    }
  }

  async start(): Promise<void> {
    const { plan, root } = this;
    this.log.step(`start ${JSON.stringify(this.#told)}`);
    this.#outcome.starts += 1;
    this.#isWatched = false;
    const options: WatcherOptions = {
      backend: plan.backend,
      debounceMs: plan.debounceMs,
      bufferMax: plan.bufferMax,
      metadataSuffixes: [],
      rescanMs: plan.backend === 'poll' ? POLL_MS : 0,
      ...this.#told,
      // A watcher without a state reports changes that it missed only after a new start of the copy.
      initial: plan.initial || (!plan.keeps && this.#outcome.starts > 1),
      ...(plan.keeps && { statePath: join(this.base, 'state') }),
    };
    const { speed, looksLate } = plan;
    await this.place.start({ root, options, speed, looksLate, seed: this.draw(2 ** 31) });
  }

  /** After a stop or a kill. */
  ended(how: string): void {
    this.asksAgain = true;
    const again = this.#copy.interrupted(how.startsWith('killed')).map(({ operation, path }) => `${operation} ${path}`);
    this.log.step(`${how}; may come again: ${again.join(', ')}`);
    if (this.plan.changes && this.draw(2) === 0) this.#told = drawTold(this.draw);
    const tells = tellsOf(this.#told);
    if (this.plan.keeps) this.#copy.retell(tells);
    else this.#copy = new Copy(tells);
  }

  async #round(round: Round): Promise<void> {
    this.log.step(`round: ${round.name}`);
    this.#roundNow = round;
    this.#wasWatched = this.#isWatched;
    this.actor.nextRound();
    this.backdates = round.watches && this.plan.backend === 'inotify';
    this.asksAgain = this.plan.backend === 'poll';
    this.#faults = [];
    this.#said = {};
    const outcome = this.#outcome;
    outcome.rounds[round.name] = (outcome.rounds[round.name] ?? 0) + 1;
    try {
      await round.run(this);
      await this.place.idle();
    } catch (error) {
      this.#broken = true;
      this.#fault('the watcher failed', (error as Error).stack);
    }
    outcome.quietPoints += 1;
    const tree = treeOf(this.root, this.#copy.tells);
    if (!this.#broken) {
      this.#faults.push(...this.#copy.compare(tree, this.asksAgain));
      this.#judgeScans(round);
    }
    const [first] = this.#faults;
    if (first === undefined) return;
    outcome.faults.push({ ...first, round: round.name, report: this.#report(first, round) });
    this.#copy.become(tree);
  }

  #take(line: Line): void {
    this.log.line(line);
    if ('takes' in line) {
      this.#copy.takes(line.takes);
      return;
    }
    if ('told' in line) {
      this.#outcome.events += 1;
      this.#faults.push(...this.#copy.apply(line.told, line.found));
      return;
    }
    const { said, what } = line;
    if (said === 'scan' && what === 'start') {
      this.#isWatched = true;
      return;
    }
    this.#said[said] = (this.#said[said] ?? 0) + 1;
    if (said === 'overflow') this.asksAgain = true;
    if (said === 'failed' || (said === 'error' && !(this.#roundNow?.root && what.startsWith('root:'))))
      this.#fault('the watcher failed', what);
  }

  /** If nothing was lost there is no scan, and events that the kernel dropped are reported as an overflow. */
  #judgeScans({ watches, root, floods }: Round): void {
    const { scan = 0, overflow = 0 } = this.#said;
    if (floods && overflow === 0 && this.#told.recursive && this.#wasWatched)
      this.#fault('an overflow that is not reported');
    const watched = watches && !root && this.plan.backend === 'inotify';
    if (watched && scan > overflow) this.#fault('a scan without a reason', `${scan} scans, ${overflow} overflows`);
  }

  #fault(kind: Fault['kind'], detail?: string): void {
    this.#faults.push({ kind, path: '' as Fault['path'], ...(detail && { detail }) });
  }

  #report({ kind, path, detail }: Fault, round: Round): string {
    const others = this.#faults.slice(1, 6).map((one) => `${one.kind} ${one.path} ${one.detail ?? ''}`);
    return [
      `${shownPlan(this.plan)}; round ${this.#outcome.quietPoints}, ${round.name}; ${JSON.stringify(this.#said)}`,
      `${kind}: ${path} ${detail ?? ''}`,
      ...(others.length > 0 ? [`and ${this.#faults.length - 1} more: ${others.join('; ')}`] : []),
      this.log.near(path),
    ].join('\n');
  }
}
