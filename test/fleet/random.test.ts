/**
 * Hosts that take, store, give up, tell and die in random order, connections that are cut at any statement, a PostgreSQL that is
 * restarted: each content is stored by exactly one of them. SEED= as printed; ROUNDS= for the long form.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { makeTables } from '../../src/fleet/schema.js';
import { dice } from '../crash/dice.js';
import { CuttingProxy } from '../world/cutting-proxy.js';
import { Postgres } from '../world/postgres.js';
import { again, FEED, keyOf, SimulatedHost } from './simulated-host.js';

const seed = process.env.SEED ?? String(process.pid);
const rounds = Number(process.env.ROUNDS ?? 20);
const STEPS = 120;
const HASHES = 25;
const ENDS_WITHIN = 100;

interface Site {
  host: SimulatedHost;
  proxy: CuttingProxy;
  /** Files that wait for an answer. */
  pending: Set<string>;
}

const hash = (round: number, n: number): Buffer => createHash('sha256').update(`${seed} ${round} ${n}`).digest();
const hexOf = (sha256: Buffer): string => sha256.toString('hex');

class Play {
  readonly seen = { cuts: 0, deaths: 0, restarts: 0, elsewhere: 0, released: 0 };
  readonly #draw = dice(seed);
  readonly #givenUp = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #steps: ((site: Site, round: number) => Promise<void>)[] = [
    async ({ pending }, round) => void pending.add(hexOf(hash(round, this.#draw(HASHES)))),
    async ({ pending }, round) => void pending.add(hexOf(hash(round, this.#draw(HASHES)))),
    (site) => this.#unknownIsNothing(() => this.#take(site)),
    (site) => this.#unknownIsNothing(() => this.#take(site)),
    (site) => this.#takeTogether(site),
    async ({ host }) => {
      const [content] = host.carried();
      if (content) host.store(content);
    },
    (site) => this.#giveUp(site),
    ({ host }) => this.#unknownIsNothing(() => host.tell()),
    async ({ proxy }) => proxy.cutNext(this.#draw(2) === 0 ? 'before' : 'after', this.#draw(3)),
    async (site) => {
      await this.#unknownIsNothing(() => this.#take(site, true));
      await site.host.start();
      this.seen.deaths++;
    },
  ];

  constructor(
    private readonly server: Postgres,
    private readonly sites: readonly Site[],
  ) {}

  async round(round: number): Promise<void> {
    this.#givenUp.clear();
    this.#wanted.clear();
    for (let n = 0; n < STEPS; n++) {
      const site = this.sites[this.#draw(this.sites.length)]!;
      await this.#steps[this.#draw(this.#steps.length)]!(site, round);
      for (const hex of site.pending) this.#wanted.add(hex);
    }
    if (round % 5 === 4) {
      await this.server.stop('immediate');
      await this.server.begin();
      this.seen.restarts++;
    }
    await this.#end();
    await this.#check(`SEED=${seed} round ${round}`);
  }

  async #unknownIsNothing(act: () => Promise<unknown>): Promise<void> {
    await act().catch((error) => {
      if (error.kind !== 'unknown') throw error;
      this.seen.cuts++;
    });
  }

  async #take({ host, pending }: Site, dies = false): Promise<void> {
    const wanted = [...pending].slice(0, 1 + this.#draw(8)).map((hex) => Buffer.from(hex, 'hex'));
    if (wanted.length === 0) return;
    const answers = await host.take(wanted, { dies });
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) continue;
      if (answer.kind === 'carried') this.seen.elsewhere++;
      else pending.delete(hexOf(wanted[i]!));
    }
  }

  async #takeTogether(site: Site): Promise<void> {
    const both = new Set([site, this.sites[this.#draw(this.sites.length)]!]);
    await Promise.all([...both].map((one) => this.#unknownIsNothing(() => this.#take(one))));
  }

  async #giveUp({ host }: Site): Promise<void> {
    const [content] = host.carried();
    if (!content || this.#draw(3) > 0) return;
    host.giveUp(content);
    this.#givenUp.add(hexOf(content.sha256));
    this.seen.released++;
  }

  /** Nothing fails any more, until nothing is left to do. */
  async #end(): Promise<void> {
    for (const { proxy } of this.sites) proxy.calm();
    for (const { host } of this.sites) await host.start();
    const left = ({ pending, host }: Site): number => pending.size + host.carried().length + host.outbox.length;
    for (let n = 0; this.sites.some((site) => left(site) > 0); n++) {
      assert(n < ENDS_WITHIN, `SEED=${seed}: it never ends`);
      for (const site of this.sites) {
        await again(() => this.#take(site));
        for (const content of site.host.carried()) site.host.store(content);
        assert.equal(await again(() => site.host.tell()), 0, `SEED=${seed}: a conflict`);
      }
    }
  }

  async #check(named: string): Promise<void> {
    const { shared } = this.sites[0]!.host;
    const rows = await again(() =>
      shared.rows<{ sha256: Buffer; generation: number; name: string; state: string }>(
        'SELECT c.sha256, c.generation, h.name, c.state FROM contents c JOIN hosts h ON h.id = c.host WHERE feed = $1',
        [FEED],
      ),
    );
    const hosts = this.sites.map(({ host }) => host);
    const where = (key: string): string[] =>
      hosts.filter(({ ledger }) => ledger.get(key)?.state === 'stored').map(({ name }) => name);
    for (const { sha256, generation, name, state } of rows) {
      assert.equal(state, 'stored', named);
      assert.deepEqual(where(keyOf(sha256, generation)), [name], named);
    }
    const known = new Set(rows.map(({ sha256 }) => hexOf(sha256)));
    for (const hex of this.#wanted) assert(known.has(hex) || this.#givenUp.has(hex), `${named}: ${hex} is lost`);
    assert.equal(
      rows.length,
      hosts.reduce((sum, { ledger }) => sum + ledger.size, 0),
    );
  }
}

async function sitesOf(t: TestContext, server: Postgres): Promise<Site[]> {
  const sites: Site[] = [];
  for (const name of ['a', 'b', 'c']) {
    const proxy = await CuttingProxy.start(t, server.port);
    sites.push({ host: new SimulatedHost(name, server.urlAt(proxy.port)), proxy, pending: new Set() });
  }
  t.after(() => Promise.all(sites.map(({ host }) => host.shared.close())));
  await Promise.all(sites.map(({ host }) => again(() => makeTables(host.shared))));
  for (const { host } of sites) await host.join();
  return sites;
}

test('each content is stored by one host, whatever dies or is cut', { timeout: 240_000 }, async (t) => {
  const server = await Postgres.start(t);
  if (!server) return;
  t.diagnostic(`SEED=${seed} ROUNDS=${rounds}`);
  const play = new Play(server, await sitesOf(t, server));
  for (let round = 0; round < rounds; round++) await play.round(round);
  t.diagnostic(JSON.stringify(play.seen));
  for (const [what, times] of Object.entries(play.seen)) assert(times > 0, `${what} never happened`);
});
