/**
 * A module that does not come to the first record of some files only, by their names: those are held, and no other one. Where it
 * fails for any file, for whatever cause, no file is held.
 */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ctl } from '../world/jobs.js';
import { asConfiguration, type Chain } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const TEXT = 'id,country\n1,DE\n';

/** The act of the module where it gets the name of a guilty file, and the words of the reason. */
const WAYS: Record<string, [string, RegExp]> = {
  throws: ['throw new Error("no rule for " + name)', /fails before the first record: Error: no rule for \S+bad\.csv/],
  'answers no steps': ['return undefined', /must answer an object with its steps/],
  'has not the first step': ['return { other() {} }', /start: route is no step; the chain has other/],
  'ends its process': ['process.exit(3)', /before its module \S+ took the first record, its process ended by itself/],
  'dies of a signal': ['process.kill(process.pid, "SIGKILL")', /its process was killed by SIGKILL/],
  loops: ['for (;;);', /its process did nothing for 4 seconds/],
};

function worldOf(t: TestContext, setUp: string): World {
  const options = { stabilitySeconds: 0, quietMs: 0 };
  const world = createWorld(t, { feeds: { made: { options } } });
  const module = join(world.root, 'm.mjs');
  writeFileSync(
    module,
    `import { readFileSync } from 'node:fs';
    export default ({ name }) => { ${setUp}; return { route(r, emit) { emit('all', r); } }; };`,
  );
  const process: Chain = { format: 'csv', start: 'route', module, 'stuck-seconds': 4 };
  const feeds = world.feeds.map((feed) => ({ ...feed, options: { ...feed.options, process } }));
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
  return world;
}

const refusalsOf = (world: World): number => world.log.named('gate_closed').length;

test('a file for which alone the module has no steps is held; the others go through, and the gate stays open', async (t) => {
  const ways = Object.entries(WAYS);
  const world = worldOf(t, ways.map(([, [act]], n) => `if (name === '${n}-bad.csv') { ${act} }`).join('; '));
  world.start('ingest', ['--concurrency', '2']);
  let n = 0;
  for (const [at, [way, [, says]]] of ways.entries()) {
    const bad = `${at}-bad.csv`;
    world.held.add(world.drop(bad, `${TEXT}${at},bad\n`).sha256);
    const jobOf = () => world.jobs().find(({ key }) => String(key) === bad);
    for (let more = 0; jobOf()?.state !== 'held'; more++) {
      assert(more < 10, `${way}: ${JSON.stringify(jobOf())} ${JSON.stringify(world.gates())}`);
      await world.isStored(world.drop(`${++n}.csv`, `${TEXT}${n},FR\n`));
      const { claim_no: before } = jobOf()!;
      await until('it was tried again', () => jobOf()!.state === 'held' || jobOf()!.claim_no > before);
    }
    assert.equal(jobOf()!.hold_code, 'process_failed', way);
    assert.match(jobOf()!.reason!, says);
    assert.match(jobOf()!.reason!, /; other files go through$/);
  }
  await until('the gate is open', () => world.gates().length === 0);
  const closed = refusalsOf(world);
  await ctl(world, 'retry', '--all', '--feed', 'made');
  await until('they are held again', () => world.jobs().filter(({ state }) => state === 'held').length === ways.length);
  assert.equal(refusalsOf(world), closed, 'what is known of this version closes nothing again');
  await world.stop();
  world.check();
});

test('a module that for a time has steps for no file holds none', async (t) => {
  const world = worldOf(t, 'readFileSync(new URL("table", import.meta.url))');
  const table = join(world.root, 'table');
  writeFileSync(table, '');
  world.start('ingest', ['--concurrency', '2']);
  for (const round of [1, 2]) {
    await world.isStored(world.drop(`${round}-before.csv`, `${TEXT}${round},before\n`));
    rmSync(table);
    for (let n = 1; n <= round; n++) world.drop(`${round}-${n}.csv`, `${TEXT}${round},${n}\n`);
    await until('the gate is closed', () => world.gates().some(({ code }) => code === 'unloadable'));
    const tries = () =>
      world.jobs().reduce((sum, { stage, claim_no }) => sum + (stage === 'process' ? claim_no : 0), 0);
    const before = tries();
    await until('they were tried again', () => tries() > before + 2 * round);
    writeFileSync(table, '');
    await world.allDroppedDone();
  }
  await world.stop();
  world.check();
});
