/**
 * Hosts that take, store, give up, tell and die in random order, connections that are cut at any statement, a PostgreSQL that is
 * restarted: each content is stored by exactly one of them. SEED= as printed; ROUNDS= for the long form.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { makeTables } from '../../src/fleet/schema.js';
import { dice } from '../crash/dice.js';
import { CuttingProxy } from '../world/cutting-proxy.js';
import { Postgres } from '../world/postgres.js';
import { again, FEED, keyOf, SimulatedHost } from './simulated-host.js';

const seed = process.env.SEED ?? String(process.pid);
const rounds = Number(process.env.ROUNDS ?? 20);
const STEPS = 120;
const HASHES = 25;

interface Site {
  host: SimulatedHost;
  proxy: CuttingProxy;
  /** Files that wait for an answer. */
  pending: Set<string>;
}

const hash = (round: number, n: number): Buffer => createHash('sha256').update(`${seed} ${round} ${n}`).digest();

test('each content is stored by one host, whatever dies or is cut', { timeout: 240_000 }, async (t) => {
  const server = await Postgres.start(t);
  if (!server) return;
  t.diagnostic(`SEED=${seed} ROUNDS=${rounds}`);
  const draw = dice(seed);
  const sites: Site[] = [];
  for (const name of ['a', 'b', 'c']) {
    const proxy = await CuttingProxy.start(t, server.port);
    sites.push({ host: new SimulatedHost(name, server.urlAt(proxy.port)), proxy, pending: new Set() });
  }
  t.after(() => Promise.all(sites.map(({ host }) => host.shared.close())));
  await Promise.all(sites.map(({ host }) => again(() => makeTables(host.shared))));
  for (const { host } of sites) await host.join();
  const seen = { cuts: 0, deaths: 0, restarts: 0, elsewhere: 0, released: 0 };
  const givenUp = new Set<string>();

  const unknownIsNothing = async (act: () => Promise<unknown>): Promise<void> => {
    await act().catch((error) => {
      if (error.kind !== 'unknown') throw error;
      seen.cuts++;
    });
  };
  const take = async ({ host, pending }: Site, dies = false): Promise<void> => {
    const wanted = [...pending].slice(0, 1 + draw(8)).map((hex) => Buffer.from(hex, 'hex'));
    if (wanted.length === 0) return;
    const answers = await host.take(wanted, { dies });
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) continue;
      if (answer.kind === 'carried') seen.elsewhere++;
      else pending.delete(wanted[i]!.toString('hex'));
    }
  };
  const steps: ((site: Site, round: number) => Promise<void>)[] = [
    async ({ pending }, round) => void pending.add(hash(round, draw(HASHES)).toString('hex')),
    async ({ pending }, round) => void pending.add(hash(round, draw(HASHES)).toString('hex')),
    (site) => unknownIsNothing(() => take(site)),
    (site) => unknownIsNothing(() => take(site)),
    async (site) => {
      // Two of them at the same moment.
      const other = sites[draw(sites.length)]!;
      await Promise.all([...new Set([site, other])].map((one) => unknownIsNothing(() => take(one))));
    },
    async ({ host }) => {
      const [content] = host.carried();
      if (content) host.store(content);
    },
    async ({ host }) => {
      const [content] = host.carried();
      if (!content || draw(3) > 0) return;
      host.giveUp(content);
      givenUp.add(content.sha256.toString('hex'));
      seen.released++;
    },
    ({ host }) => unknownIsNothing(() => host.tell()),
    async ({ proxy }) => proxy.cutNext(draw(2) === 0 ? 'before' : 'after', draw(3)),
    async (site) => {
      await unknownIsNothing(() => take(site, true));
      await site.host.start();
      seen.deaths++;
    },
  ];

  for (let round = 0; round < rounds; round++) {
    givenUp.clear();
    const wanted = new Set<string>();
    for (let n = 0; n < STEPS; n++) {
      const site = sites[draw(sites.length)]!;
      await steps[draw(steps.length)]!(site, round);
      for (const hex of site.pending) wanted.add(hex);
    }
    if (round % 5 === 4) {
      await server.stop('immediate');
      await server.begin();
      seen.restarts++;
    }
    for (const { proxy } of sites) proxy.calm();
    for (const site of sites) await site.host.start();
    for (
      let n = 0;
      sites.some(({ pending, host }) => pending.size + host.carried().length + host.outbox.length > 0);
      n++
    ) {
      assert(n < 100, `SEED=${seed} round ${round}: it never ends`);
      for (const site of sites) {
        await again(() => take(site));
        for (const content of site.host.carried()) site.host.store(content);
        assert.equal(await again(() => site.host.tell()), 0, `SEED=${seed}: a conflict`);
      }
    }
    const { shared } = sites[0]!.host;
    const rows = await again(() =>
      shared.rows<{ sha256: Buffer; generation: number; name: string; state: string }>(
        'SELECT c.sha256, c.generation, h.name, c.state FROM contents c JOIN hosts h ON h.id = c.host WHERE feed = $1',
        [FEED],
      ),
    );
    const where = (key: string): string[] =>
      sites.filter(({ host }) => host.ledger.get(key)?.state === 'stored').map(({ host }) => host.name);
    for (const { sha256, generation, name, state } of rows) {
      assert.equal(state, 'stored');
      assert.deepEqual(where(keyOf(sha256, generation)), [name], `SEED=${seed} round ${round}`);
    }
    const known = new Set(rows.map(({ sha256 }) => sha256.toString('hex')));
    for (const hex of wanted) assert(known.has(hex) || givenUp.has(hex), `SEED=${seed} round ${round}: ${hex} is lost`);
    assert.equal(
      rows.length,
      sites.reduce((sum, { host }) => sum + host.ledger.size, 0),
    );
  }
  t.diagnostic(JSON.stringify(seen));
  for (const [what, times] of Object.entries(seen)) assert(times > 0, `${what} never happened`);
});
