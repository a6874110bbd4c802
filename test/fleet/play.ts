/**
 * Hosts claim, store, give up, report and die in random order, connections are cut at any statement, and PostgreSQL is
 * restarted. In the end exactly one host has stored each content, and every permitted further generation has come.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import { ownersOf } from '../../src/fleet/compare.js';
import { makeTables } from '../../src/fleet/schema.js';
import { sendPermitted } from '../../src/fleet/send.js';
import { dice } from '../crash/dice.js';
import { CuttingProxy } from '../world/cutting-proxy.js';
import type { Postgres } from '../world/postgres.js';
import { again, FEED, keyOf, PRODUCT, type Protocol, SimulatedHost } from './simulated-host.js';

const STEPS = 120;
const HASHES = 25;
const ENDS_WITHIN = 100;

export interface Site {
  host: SimulatedHost;
  proxy: CuttingProxy;
  /** Files that wait for an answer. */
  pending: Set<string>;
}

const hexOf = (sha256: Buffer): string => sha256.toString('hex');

export class Play {
  readonly seen = { cuts: 0, deaths: 0, restarts: 0, elsewhere: 0, released: 0, permitted: 0, learned: 0 };
  readonly #draw: (n: number) => number;
  /** Generations that are permitted: the hash in hexadecimal, with the generation. */
  readonly #permitted = new Set<string>();
  readonly #givenUp = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #steps: ((site: Site, round: number) => Promise<void>)[] = [
    async ({ pending }, round) => void pending.add(hexOf(this.#hash(round))),
    async ({ pending }, round) => void pending.add(hexOf(this.#hash(round))),
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
    (site) => this.#unknownIsNothing(() => this.#learn(site)),
    ({ host }) => this.#unknownIsNothing(() => host.tellAgain()),
    (site) => this.#unknownIsNothing(() => this.#permit(site)),
  ];

  constructor(
    private readonly server: Postgres,
    private readonly sites: readonly Site[],
    readonly seed: string,
  ) {
    this.#draw = dice(seed);
  }

  #hash = (round: number): Buffer =>
    createHash('sha256')
      .update(`${this.seed} ${round} ${this.#draw(HASHES)}`)
      .digest();

  async round(round: number): Promise<void> {
    this.#givenUp.clear();
    this.#wanted.clear();
    this.#permitted.clear();
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
    await this.#check(`SEED=${this.seed} round ${round}`);
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
    // Every host may get the content once more.
    if (this.#draw(2) === 0) for (const { pending } of this.sites) pending.add(hexOf(content.sha256));
    this.seen.released++;
  }

  /** The host learns a content for which it asked before it died. The shared ledger has its row; its own ledger does not. */
  async #learn({ host, pending }: Site): Promise<void> {
    for (const hex of pending) {
      const sha256 = Buffer.from(hex, 'hex');
      const [row] = await ownersOf(host.shared, [{ sha256, feed: FEED, generation: 1 }]);
      if (row?.host !== host.id || row.state !== 'carried' || host.ledger.has(keyOf(sha256, 1))) continue;
      // A cut connection makes the operator run it again.
      if (!(await again(() => host.learn(sha256)))) return;
      pending.delete(hex);
      this.seen.learned++;
      return;
    }
  }

  async #permit({ host }: Site): Promise<void> {
    const stored = [...host.ledger.values()].find(
      ({ state, generation, sha256 }) =>
        state === 'stored' && generation === 1 && !this.#permitted.has(keyOf(sha256, 2)),
    );
    if (!stored || this.#draw(4) > 0) return;
    await sendPermitted(host.shared, [{ sha256: stored.sha256, feed: FEED, generation: 2 }]);
    this.#permitted.add(keyOf(stored.sha256, 2));
    this.seen.permitted++;
  }

  /** Drops one more file of each permitted content at the host that has stored it. */
  #dropPermitted(): void {
    for (const key of this.#permitted) {
      const sha256 = Buffer.from(key.split(' ')[0]!, 'hex');
      const known = this.sites.find(({ host }) => host.ledger.get(keyOf(sha256, 1))?.state === 'stored');
      known?.pending.add(hexOf(sha256));
    }
  }

  /** Runs without faults until nothing is left to do. */
  async #end(): Promise<void> {
    for (const { proxy } of this.sites) proxy.calm();
    for (const { host } of this.sites) await host.start();
    this.#dropPermitted();
    const left = ({ pending, host }: Site): number => pending.size + host.carried().length + host.outbox.length;
    for (let n = 0; this.sites.some((site) => left(site) > 0); n++) {
      assert(n < ENDS_WITHIN, `SEED=${this.seed}: it never ends`);
      for (const site of this.sites) {
        await again(() => this.#take(site));
        for (const content of site.host.carried()) site.host.store(content);
        assert.equal(await again(() => site.host.tell()), 0, `SEED=${this.seed}: a conflict`);
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
    const keys = new Set(rows.map(({ sha256, generation }) => keyOf(sha256, generation)));
    for (const key of this.#permitted) {
      const isGivenUp = this.#givenUp.has(key.split(' ')[0]!);
      assert(keys.has(key) || isGivenUp, `${named}: ${key} was permitted and never came`);
    }
    for (const hex of this.#wanted) assert(known.has(hex) || this.#givenUp.has(hex), `${named}: ${hex} is lost`);
    assert.equal(
      rows.length,
      hosts.reduce((sum, { ledger }) => sum + ledger.size, 0),
    );
  }
}

export async function sitesOf(t: TestContext, server: Postgres, protocol: Protocol = PRODUCT): Promise<Site[]> {
  const sites: Site[] = [];
  for (const name of ['a', 'b', 'c']) {
    const proxy = await CuttingProxy.start(t, server.port);
    sites.push({ host: new SimulatedHost(name, server.urlAt(proxy.port), protocol), proxy, pending: new Set() });
  }
  t.after(() => Promise.all(sites.map(({ host }) => host.shared.close())));
  await Promise.all(sites.map(({ host }) => again(() => makeTables(host.shared))));
  for (const { host } of sites) await host.join();
  return sites;
}
