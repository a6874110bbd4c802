/**
 * A bucket and two workers, real processes and a real store: answers are lost, requests cut, refused and held back for long, processes
 * and the store killed, contents withdrawn and allowed again, the state lost or put back as it was, `--publish` taken away for a while.
 * At the end each content is in the bucket once, with its line, or was withdrawn.
 *
 * By hand: `SEED=1 SEEDS=5 FILES=3000 ROUNDS=40 node --test dist/test/publishing/random.test.js`
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from '../world/bucket.js';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import { fractions } from '../world/chance.js';
import { ahead, hasFaketime } from '../world/faketime.js';
import type { Fault, FaultProxy, Rule } from '../world/fault-proxy.js';
import { asConfiguration } from '../world/layout.js';
import { backedUp, loseState, rebuilt, restore } from '../world/lost.js';
import { type Program, signal } from '../world/program.js';
import { checkBucket, correctionsOf, linesOf, proxied } from '../world/publisher.js';
import type { Kind } from '../world/s3-request.js';
import { DEADLINE_MS, until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const SEED = Number(process.env.SEED ?? 1);
const SEEDS = Number(process.env.SEEDS ?? 1);
const FILES = Number(process.env.FILES ?? 60);
const ROUNDS = Number(process.env.ROUNDS ?? 10);
const LARGE_BYTES = (64 << 20) + 1;
const LATER_S = 90_000;
const SETTLED = { withinMs: DEADLINE_MS + FILES * 100, everyMs: 500 };
const [MADE, PLAIN] = ['made', 'plain'] as const;

const KINDS: readonly Kind[] = [
  ...(['put', 'put', 'put', 'put', 'head', 'get', 'list', 'delete', 'delete'] as const),
  ...(['create', 'part', 'part', 'list-parts', 'complete', 'complete', 'abort'] as const),
];
const FAULTS: readonly Exclude<Fault, { delayMs: number }>[] = [
  ...(['lose-answer', 'lose-answer', 'cut', 'cut-in-body', 'hold', 'hold', 'hold', 'hold-answer'] as const),
  { status: 409, code: 'ConditionalRequestConflict' },
  { status: 412, code: 'PreconditionFailed' },
  { status: 500, code: 'InternalError' },
  { status: 500, code: 'InternalError', after: true },
  { status: 503, code: 'SlowDown' },
  { status: 200, code: 'InternalError' },
  { status: 200, code: 'InternalError', after: true },
];

class Play {
  readonly acts: string[] = [];
  /** Texts that were dropped, by feed and hash. */
  readonly #texts = new Map<string, { feed: string; text: string }>();
  /** An operator withdrew them; a state that was lost afterwards may not know it. */
  readonly #asked = new Set<string>();
  readonly #held: Rule[] = [];
  /** Keys at which a request arrived after its time. */
  readonly #late = new Set<string>();
  #program: Program | undefined;
  #copy: string | undefined;
  #isOn = true;
  #n = 0;
  #large = Number(process.env.LARGE ?? 1 + FILES / 1_000);

  constructor(
    readonly world: World,
    readonly bucket: Bucket,
    readonly proxy: FaultProxy,
    readonly random: () => number,
  ) {}

  pick = <T>(from: readonly T[]): T => from[Math.floor(this.random() * from.length)]!;
  #below = (n: number): number => Math.floor(this.random() * n);

  start = (): void => {
    this.#program = this.world.start('ingest', ['--workers', 'all=2']);
  };

  drop(files: number): void {
    for (let i = 0; i < files; i++) {
      const n = this.#n++;
      const feed = this.pick([MADE, PLAIN]);
      const text = feed === MADE ? orders(`f${n}`, 10 + this.#below(60)).text : `id\n${n}\n`;
      const { sha256 } = this.world.drop(`f${n}.csv`, text, { feed });
      this.#texts.set(sha256, { feed, text });
      if (this.random() < 0.1) this.world.drop(`f${n}-again.csv`, text, { feed });
    }
    if (this.#large >= 1 && this.random() < 0.5) {
      this.#large -= 1;
      this.world.drop(`large${this.#n++}.bin`, LARGE_BYTES, { feed: PLAIN });
    }
  }

  async act(): Promise<void> {
    const faults = Array<() => Promise<void>>(20).fill(this.fault);
    const { kill, killStore, release, withdraw, allowAgain, save, older, lose, toggle, stop } = this;
    const acts = [
      kill,
      kill,
      kill,
      kill,
      killStore,
      release,
      release,
      withdraw,
      withdraw,
      withdraw,
      allowAgain,
      allowAgain,
    ];
    const act = this.pick([...faults, ...acts, save, older, lose, toggle, stop]);
    this.acts.push(act.name);
    await act.call(this);
    if (process.env.SAY) process.stderr.write(`${new Date().toISOString()} ${this.acts.at(-1)}\n`);
    await this.lookAtProgram();
  }

  async fault(): Promise<void> {
    const fault = this.pick(FAULTS);
    const which = { kind: this.pick(KINDS), after: this.#below(4), times: 1 + this.#below(3) };
    const rule = this.proxy.add(which, fault);
    this.acts.push(`${typeof fault === 'string' ? fault : fault.status} of ${which.times} ${which.kind}`);
    if (fault === 'hold' || fault === 'hold-answer') this.#held.push(rule);
  }

  async release(): Promise<void> {
    const rule = this.#held.splice(this.#below(this.#held.length), 1)[0];
    if (!rule) return;
    for (const { key } of rule.hits) this.#late.add(key);
    await Promise.race([rule.release(), sleep(5_000)]);
  }

  /** Kills a child, or parent and children together. */
  async kill(): Promise<void> {
    const program = this.#program!;
    const child = this.pick(program.descendants());
    if (child !== undefined && this.random() < 0.6) return signal(child, 'SIGKILL');
    await this.world.killAll();
    this.start();
  }

  async killStore(): Promise<void> {
    await this.bucket.kill();
    await sleep(this.random() * 2_000);
    await this.bucket.server.begin();
  }

  async stop(): Promise<void> {
    await this.#program!.stop();
    this.start();
  }

  async withdraw(): Promise<void> {
    const stored = [MADE, PLAIN].flatMap((feed) => this.world.ledger(feed)).filter(({ state }) => state === 'stored');
    if (stored.length === 0) return;
    const { sha256 } = this.pick(stored);
    this.#asked.add(sha256);
    await this.world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
  }

  async allowAgain(): Promise<void> {
    const sha256 = this.pick([...this.#asked]);
    const dropped = sha256 === undefined ? undefined : this.#texts.get(sha256);
    if (!dropped) return;
    await this.world.run('ingest-ctl', ['allow-again', sha256!, '--reason', 'a test']);
    this.world.drop(`back${this.#n++}.csv`, dropped.text, { feed: dropped.feed });
  }

  async save(): Promise<void> {
    this.#copy = backedUp(this.world);
  }

  /** An older copy that knows all local lines is not refused: then nobody rebuilds. */
  async older(): Promise<void> {
    if (this.#copy === undefined) return this.save();
    await this.world.killAll();
    restore(this.world, this.#copy);
    this.#copy = undefined;
    if (this.random() < 0.5) await rebuilt(this.world);
    this.start();
  }

  async lose(): Promise<void> {
    await this.world.killAll();
    loseState(this.world);
    await rebuilt(this.world);
    this.start();
  }

  /** `--publish` is taken away, or given back. */
  async toggle(): Promise<void> {
    await this.#program!.stop();
    this.#isOn = !this.#isOn;
    this.#configure();
    this.start();
  }

  #configure(): void {
    const feeds = this.world.feeds.map((feed) => ({
      ...feed,
      options: {
        ...feed.options,
        ...(feed.name === MADE && { process: BY_COUNTRY }),
        ...(!this.#isOn && {
          publish: undefined,
          publishEndpoint: undefined,
          publishPathStyle: undefined,
          keepLocal: undefined,
        }),
      },
    }));
    writeFileSync(this.world.configPath, asConfiguration(feeds, {}));
  }

  /** A state that is older than the lines is refused, and rebuilt. */
  async lookAtProgram(): Promise<void> {
    if (this.#program!.running) return;
    const ended = await this.#program!.ended;
    assert.equal(ended.code, 3, this.#program!.tail());
    assert.match(ended.stderr, /ingest-ctl rebuild/);
    await rebuilt(this.world);
    this.start();
  }

  async settle(): Promise<void> {
    this.proxy.calm();
    // Some of them arrive when all is over.
    const last = this.#held.splice(0, this.#held.length / 2);
    while (this.#held.length > 0) await this.release();
    await this.#program!.stop();
    this.#isOn = true;
    this.#configure();
    this.start();
    const { world } = this;
    const open = () => [MADE, PLAIN].flatMap((feed) => world.jobs(feed)).filter(({ state }) => state !== 'done');
    const soFar = () =>
      open()
        .map(
          ({ key, stage, state, hold_code, payload, trail }) =>
            `${key} ${stage} ${state} ${hold_code} ${JSON.stringify(payload)} ${trail}`,
        )
        .slice(0, 5)
        .join('; ');
    await until(
      'nothing is under way',
      async () => {
        await this.lookAtProgram();
        // After so many doubts in a row some are held.
        if (open().some(({ state }) => state === 'held')) await world.run('ingest-ctl', ['retry', '--all']);
        return open().length === 0;
      },
      { ...SETTLED, soFar },
    );
    await this.#program!.stop();
    // No job has parts, nor a page of contents that were looked at.
    await world.runOnce();
    this.#held.push(...last);
    while (this.#held.length > 0) await this.release();
  }

  async check(): Promise<void> {
    for (const feed of [MADE, PLAIN]) {
      const back = new Set((await correctionsOf(this.bucket, feed)).map(({ ingest_id }) => ingest_id));
      const lines = await linesOf(this.bucket, feed);
      const live = lines.filter(({ ingest_id }) => !back.has(ingest_id)).map(({ sha256 }) => sha256);
      const stored = this.world
        .ledger(feed)
        .filter(({ state }) => state === 'stored')
        .map(({ sha256 }) => sha256);
      assert.deepEqual([...live].sort(), [...stored].sort(), `${feed}: what is stored and what has a line`);
      for (const { sha256 } of this.world.dropped.filter((one) => one.feed === feed))
        assert.ok(this.#asked.has(sha256) || stored.includes(sha256), `${sha256} was lost`);
      // A request for a content that was withdrawn meanwhile.
      await checkBucket(this.bucket, feed, (key) => this.#late.has(key));
    }
    await this.#audit();
    if (!hasFaketime() || (await this.bucket.uploads()).length === 0) return;
    await this.bucket.restart({ aheadS: LATER_S });
    const program = this.world.start('ingest', [], { env: ahead(LATER_S) });
    await until('no upload is left', async () => (await this.bucket.uploads()).length === 0, {
      soFar: () => program.tail(),
    });
    await program.stop();
    await this.bucket.restart();
  }

  async #audit(): Promise<void> {
    const { stdout } = await this.world.run('ingest-ctl', ['audit', '--json']);
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind?: string; at?: string })
      .filter(({ kind, at }) => kind !== undefined && !(kind === 'object_unknown' && this.#late.has(keyOf(at!))));
    assert.deepEqual(found, []);
  }
}

const keyOf = (at: string): string => at.replace(/^s3:\/\/[^/]+\//, '');

async function playOne(t: TestContext, seed: number): Promise<void> {
  const made = await proxied(t, { feedNames: [MADE, PLAIN], seed: String(seed), options: { keepLocal: '2s' } });
  if (!made) return;
  const { world, bucket, proxy } = made;
  changeChain(world, MADE, BY_COUNTRY);
  const play = new Play(world, bucket, proxy, fractions(seed));
  play.start();
  await until('the state', () => world.database() !== undefined);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      play.drop(Math.ceil(FILES / ROUNDS));
      for (let acts = 0; acts < 3; acts++) {
        await play.act();
        await sleep(play.random() * 1_000);
      }
    }
    await play.settle();
    await play.check();
  } catch (error) {
    if (process.env.SAY) process.stderr.write(`${(error as Error).stack}\n`);
    const said = ['gate_closed', 'fatal', 'bucket_read', 'object_gone', 'local_file_kept']
      .flatMap((event) => world.log.named(event))
      .map(({ time, event, code, reason, feed, lines }) => `${time} ${event} ${feed} ${code} ${reason} ${lines}`);
    throw new Error(`SEED=${seed} FILES=${FILES} ROUNDS=${ROUNDS}: ${play.acts.join(', ')}\n${said.join('\n')}`, {
      cause: error,
    });
  }
}

for (let n = 0; n < SEEDS; n++)
  test(`each content is in the bucket once (SEED=${SEED + n})`, (t) => playOne(t, SEED + n));
