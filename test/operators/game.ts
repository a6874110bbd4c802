/** One sequence of verbs: a fresh world, its model, the operator's process, and the clock. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Fault } from '../crash/control.js';
import { sha256 } from '../world/dropping.js';
import { asConfiguration, type FeedPlan, type Options } from '../world/layout.js';
import { type ManifestLine, manifestLines } from '../world/manifest.js';
import type { Survey } from '../world/survey.js';
import { World } from '../world/world.js';
import type { Done, Lane } from './lane.js';
import { type Drop, Model, type Sidecar } from './model.js';
import type { Order } from './order.js';
import { ALL, BEGIN_MS, DAY_MS, HOUR_MS, type Plan, SIZES, textOf } from './plan.js';
import { run } from './run.js';

/** A difference from the model. */
export class Differs extends Error {}

/** A feed with what an operator knows of it. */
interface Side {
  feed: string;
  model: Model;
  options: Options;
}

export class Game {
  readonly sides: Side[];
  readonly world: World;
  readonly contents: { bytes: Buffer; sha256: string }[];
  readonly story: string[] = [];
  #shared = '';
  wentBack = false;
  /** The feed that the verb is about. */
  #turn: Side;
  #aheadMs: number;
  #drops = 0;

  constructor(
    readonly lane: Lane,
    readonly plan: Plan,
  ) {
    const names = plan.straight ? ['near', 'far'] : ['far', 'near'];
    const options: Options = { stabilitySeconds: 0, quietMs: 0, poll: true, ...(plan.sidecars && { mode: 'sidecar' }) };
    if (plan.chain) options.process = ALL;
    const foreign = new Map<string, Buffer>();
    this.sides = names.slice(0, plan.feeds === 'one' ? 1 : 2).map((feed) => ({
      feed,
      model: new Model(plan.chain, plan.feeds === 'one warehouse' ? foreign : new Map()),
      options,
    }));
    this.#turn = this.sides[0]!;
    this.world = new World({ seed: plan.seed, ground: plan.ground, feeds: this.#plans(options) });
    this.contents = SIZES.map((size) => {
      const bytes = textOf(this.world.content(size));
      return { bytes, sha256: sha256(bytes) };
    });
    this.#aheadMs = BEGIN_MS + plan.hour * HOUR_MS - Date.now();
    lane.setClock(this.#aheadMs);
  }

  #plans(options: Options): Record<string, FeedPlan> {
    this.#shared = mkdtempSync(join(this.plan.ground, 'ingest-shared-'));
    const place = this.plan.feeds === 'one warehouse' ? { warehouse: join(this.#shared, 'warehouse') } : {};
    return Object.fromEntries(this.sides.map(({ feed }) => [feed, { options, ...place }]));
  }

  get feed(): string {
    return this.#turn.feed;
  }
  get model(): Model {
    return this.#turn.model;
  }

  /** The next verb is about that feed. */
  turnTo(n: number): void {
    this.#turn = this.sides[n % this.sides.length]!;
  }

  /** For each feed, as if the verb were about it. */
  each(act: () => void): void {
    const before = this.#turn;
    for (const side of this.sides) {
      this.#turn = side;
      act();
    }
    this.#turn = before;
  }

  get ofFeed(): string[] {
    return this.sides.length > 1 ? ['--feed', this.feed] : [];
  }

  get nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  passes(ms: number): void {
    this.wentBack ||= ms < 0;
    this.#aheadMs += ms;
    this.lane.setClock(this.#aheadMs);
  }

  untilMidnight(): void {
    this.passes(DAY_MS - (this.nowMs % DAY_MS) + 1_000);
  }

  kindOf = (digest: string): number => this.contents.findIndex((content) => content.sha256 === digest);

  /** The feed's options from the next start on. */
  setOptions(change: Options): void {
    this.#turn.options = { ...this.#turn.options, ...change };
    const feeds = this.world.feeds.map((feed, i) => ({ ...feed, options: this.sides[i]!.options }));
    writeFileSync(this.world.configPath, asConfiguration(feeds, {}));
  }

  lines = (): ManifestLine[] => manifestLines(this.world.feed(this.feed).manifests);
  survey = (): Survey => this.world.survey(this.feed);

  /** Runs the command. With a fault it is killed first and then run again. Returns the last result, and whether it was killed. */
  async act(order: Order, fault?: Fault): Promise<Done & { killed: boolean }> {
    const first = await this.#once(order, fault);
    const killed = fault !== undefined && first.code === undefined;
    const done = killed ? await this.#once(order) : first;
    if (done.code === undefined) throw new Differs(`${order.command} died\n${done.err}`);
    const bug = /^ {4}at .*$|"code":"bug"[^\n]*/m.exec(done.out + done.err);
    if (done.code === 1 || bug) throw new Differs(`${order.command} ${order.args[0]}: a bug\n${done.out}${done.err}`);
    return { ...done, killed };
  }

  async #once(order: Order, fault?: Fault): Promise<Done> {
    const done = await this.lane.order(order, this.world.root, fault);
    const said = (done.out + done.err).split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    const how = done.code ?? (fault ? `killed (${fault.kind} call ${fault.at})` : 'died');
    this.story.push(
      `    ${order.command} ${order.args.filter((arg) => !arg.startsWith('--')).join(' ')}: ${how} ${said.join(' ')}`,
    );
    return done;
  }

  ctl(words: string[], fault?: Fault): Promise<Done & { killed: boolean }> {
    return this.act({ command: 'ingest-ctl', args: [...words, '--state-path', this.world.statePath] }, fault);
  }

  rebuild(fault?: Fault): Promise<Done & { killed: boolean }> {
    return this.act({ command: 'ingest-ctl', args: ['rebuild', ...this.world.flags('ingest')] }, fault);
  }

  /** A start that must be refused, or must not. */
  once(fault?: Fault): Promise<Done & { killed: boolean }> {
    return this.act({ command: 'ingest', args: this.world.flags('ingest') }, fault);
  }

  /** `ingest --once`, in the world and in the model. */
  async run(fault?: Fault): Promise<void> {
    const beganMs = this.nowMs;
    const { code, err } = await this.once(fault);
    if (code !== 0) throw new Differs(`ingest ended with ${code}: ${err}`);
    this.each(() => this.#ran(beganMs));
  }

  #ran(beganMs: number): void {
    const lines = this.lines();
    const { model } = this;
    run(model, {
      nowMs: beganMs,
      bytes: (k) => SIZES[k]!,
      hasLine: (k, n) =>
        lines.some(({ record }) => record?.sha256 === this.contents[k]!.sha256 && (record.generation ?? 1) === n),
    });
    const known = model.lines();
    for (const { record } of lines) {
      if (record === undefined || known.has(record.ingest_id)) continue;
      const k = this.kindOf(record.sha256);
      const gen = model.gens.find((one) => one.k === k && one.n === (record.generation ?? 1) && one.id === undefined);
      if (gen?.truth !== 'lined' && gen?.truth !== 'stored')
        throw new Differs(
          `nobody expects the line of content ${k} generation ${record.generation ?? 1} (${record.warehouse_path})`,
        );
      const origin = record.path.slice(this.world.feed(this.feed).input.length + 1);
      Object.assign(gen, {
        id: record.ingest_id,
        path: record.warehouse_path,
        origin,
        atMs: Date.parse(record.ingested_at),
      });
    }
  }

  /** `sidecar`: only where the feed waits for one. */
  drop(name: string, k: number, sidecar: Sidecar = 'right'): void {
    const path = join(this.world.feed(this.feed).input, name);
    const { bytes, sha256: digest } = this.contents[k]!;
    const says = this.plan.sidecars ? sidecar : undefined;
    writeFileSync(path, bytes);
    utimesSync(path, 1_000_000_000, 1_000_000_000 + this.#drops); // old, whatever the clock says
    rmSync(`${path}.ok`, { force: true });
    if (says && says !== 'none') writeFileSync(`${path}.ok`, says === 'wrong' ? sha256('something else') : digest);
    const before = this.model.drops.findIndex((drop) => drop.at === 'input' && drop.name === name);
    // Its uploader replaced it: the job goes on, and a hold stays until the next check.
    const [replaced] = before < 0 ? [] : this.model.drops.splice(before, 1);
    const version = this.#drops++;
    const drop: Drop = { no: version, version, name, k, at: 'input', isSeen: false, vague: false, says };
    const { no, isSeen, held } = replaced ?? drop;
    this.model.drops.push({ ...drop, no, isSeen, held });
  }

  /** The file at the path has bytes that were never dropped. */
  putForeign(path: string, bytes: number): void {
    const foreign = this.world.content(Math.max(bytes, 1));
    rmSync(path, { force: true });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, foreign);
    this.model.foreign.set(path, foreign);
  }

  clearForeign(): void {
    this.each(() => {
      for (const path of this.model.foreign.keys()) rmSync(path);
      this.model.foreign.clear();
    });
  }

  loseState(): void {
    const folder = dirname(this.world.statePath);
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  }

  /** The steps of the documents for a restore: stop, remove the log beside the state, copy. */
  restore(file: string): void {
    this.loseState();
    writeFileSync(this.world.statePath, readFileSync(file), { mode: statSync(file).mode });
  }

  isMarked = (folder: string): boolean => existsSync(join(folder, '_SUCCESS'));

  async end(keep: boolean): Promise<void> {
    await this.world.end({ keep });
    if (!keep) rmSync(this.#shared, { recursive: true, force: true });
  }
}
