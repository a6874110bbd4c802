/** Verbs at a backup copy of the state of a host that lives: they are refused or only read, and nothing of the hosts changes. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fleet, type FleetHost } from '../world/fleet.js';
import { until } from '../world/waiting.js';

/** Two hosts at work, and a backup of the state of the first one, which has stored a second content since. */
async function withCopy(t: TestContext) {
  const fleet = await Fleet.create(t, ['a', 'b'], { options: { stabilitySeconds: 0.1, quietMs: 0 } });
  if (!fleet) return undefined;
  await fleet.join();
  fleet.start();
  const { world, url } = fleet.host('a');
  const { sha256 } = world.drop('one.csv', 'one');
  await fleet.allDone();
  const folder = `${world.root}.copied`;
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder);
  const copy = join(folder, 'state.db');
  assert.equal((await world.run('ingest-ctl', ['backup', copy])).code, 0);
  world.drop('two.csv', 'two');
  await fleet.allDone();
  const verb = (...words: string[]) => world.launch('ingest-ctl', [...words, '--state-path', copy]).ended;
  return { fleet, sha256, url, verb };
}

/** All that the hosts have, and what they have said. */
async function everything(fleet: Fleet) {
  const of = ({ world }: FleetHost) => [world.ledger(), world.warehouse(), world.survey().lines, world.jobs()];
  const contents = await fleet.rows('SELECT * FROM contents ORDER BY sha256');
  return [fleet.hosts.map(of), contents, await fleet.rows('SELECT * FROM conflicts')];
}

for (const verb of ['withdraw', 'allow-again'])
  test(`${verb} is refused at a copy of a state, and works at the state itself`, async (t) => {
    const played = await withCopy(t);
    if (!played) return;
    const { fleet, sha256 } = played;
    const before = await everything(fleet);
    const { code, stderr } = await played.verb(verb, sha256, '--reason', 'a test');
    assert.equal(code, 3, stderr);
    assert.match(stderr, /is a copy or was moved: host a has worked with its state at another place/);
    assert.deepEqual(await everything(fleet), before);
    const { world } = fleet.host('a');
    const own = await world.run('ingest-ctl', [verb, sha256, '--reason', 'a test']);
    assert.equal(own.code, 0, own.stderr);
    if (verb === 'withdraw') await until('it is taken out', () => world.warehouse().length === 1);
    await fleet.stop();
  });

test('audit only reads: at a copy of a state it names what the copy does not know', async (t) => {
  const played = await withCopy(t);
  if (!played) return;
  const { fleet, url } = played;
  const before = await everything(fleet);
  const { code, stdout } = await played.verb('audit', '--fleet', '--shared-ledger', url);
  assert.equal(code, 4);
  assert.match(stdout, /^row_missing /m);
  assert.match(stdout, /^shared_row_unknown /m);
  assert.deepEqual(await everything(fleet), before);
  await fleet.stop();
});
