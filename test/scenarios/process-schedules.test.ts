/**
 * Generated schedules: a module that is replaced, unreadable, exits, hangs or fails when it is loaded, guilty files of every kind, files
 * that leave something in their process, and innocent files beside them. In the end each innocent file is stored, and each guilty one held.
 * Prints its seeds. CHAIN_SEED=SEED plays one schedule alone, CHAIN_SCHEDULES=200 plays so many.
 */
import assert from 'node:assert/strict';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { chance } from '../world/chance.js';
import type { Dropped } from '../world/dropping.js';
import { asConfiguration, type Chain } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const { CHAIN_SEED: ONE, CHAIN_SCHEDULES: MANY } = process.env;
const SCHEDULES = 4;
/** More than cores: a schedule waits most of its time. */
const LANES = 4;

/** Each file says in its record what is done with it. */
const DOES: Record<string, string> = {
  innocent: '',
  throws: 'throw new Error("mine")',
  exits: 'process.exit(1)',
  dies: 'process.kill(process.pid, "SIGKILL")',
  loops: 'for (;;);',
  awaits: 'await new Promise(() => {})',
  rejects: 'void Promise.reject(new Error("mine")); await new Promise(() => {})',
  // These files are stored, or held if they are still in progress when it happens.
  'leaves a rejection': 'later(() => void Promise.reject(new Error("late")))',
  'leaves an error': 'later(() => { throw new Error("late"); })',
  'leaves an exit': 'later(() => process.exit(2))',
  'leaves a loop': 'later(() => { for (;;); })',
  'leaves a wrong global': 'globalThis.wrong = true',
};
/** The module has no steps for it. That is seen once another file went through. */
const REFUSED = 'refused';
const KINDS = [...Object.keys(DOES), REFUSED];
const isLeaver = (kind: string): boolean => kind.startsWith('leaves');

const MODULE = `
  const later = (act) => setTimeout(act, 5 + Math.random() * 60);
  export default ({ name }) => name.includes('${REFUSED}') ? undefined : ({
    async route({ kind }, emit) {
      emit('all', { kind });
      if (globalThis.wrong) throw new Error('not mine');
      await new Promise((done) => setTimeout(done, 30));
      switch (kind) {
        ${Object.entries(DOES)
          .map(([kind, act]) => `case '${kind}': ${act}; break;`)
          .join('\n        ')}
      }
    },
  });`;

/** Modules that are no fault of any file. */
const UNUSABLE: ((path: string) => void)[] = [
  (path) => writeFileSync(path, 'export default () => ({'),
  (path) => writeFileSync(path, 'process.exit(0);'),
  (path) => writeFileSync(path, 'await new Promise(() => {});'),
  (path) => writeFileSync(path, 'for (;;);'),
  (path) => writeFileSync(path, 'export default () => process.exit(1);'),
  (path) => writeFileSync(path, `setTimeout(() => process.exit(3), 20); ${MODULE}`),
  (path) => writeFileSync(path, `setTimeout(() => Promise.reject(new Error('at load')), 20); ${MODULE}`),
  (path) => symlinkSync(path, path),
  () => {},
];

function put(path: string, make: (path: string) => void): void {
  rmSync(path, { force: true });
  make(path);
}

async function play(world: World, seed: number): Promise<void> {
  const random = chance(seed);
  const module = join(world.root, 'm.mjs');
  const guilty: Dropped[] = [];
  const innocent: Dropped[] = [];
  let n = 0;
  const drop = (kind: string): void => {
    const dropped = world.drop(
      `${seed}-${++n}${kind === REFUSED ? `-${REFUSED}` : ''}.csv`,
      `kind,n\n${kind},${seed}-${n}\n`,
    );
    if (kind === 'innocent') innocent.push(dropped);
    else guilty.push(dropped);
    if (kind !== 'innocent' && !isLeaver(kind)) world.held.add(dropped.sha256);
  };
  for (let turns = 6 + random(6); turns > 0; turns--) {
    const turn = random(8);
    if (turn === 0) put(module, UNUSABLE[random(UNUSABLE.length)]!);
    else if (turn === 1) put(module, (path) => writeFileSync(path, `${MODULE}\n// ${turns}`));
    else if (turn < 5) drop(KINDS[1 + random(KINDS.length - 1)]!);
    else drop('innocent');
    if (random(2) === 0) await until('the files are found', () => world.jobs().length === world.dropped.length);
  }
  put(module, (path) => writeFileSync(path, MODULE));
  do {
    drop('innocent');
    await world.isStored(innocent.at(-1)!);
  } while (isRefusedReady(world));
  await settled(world);
  const states = new Map(world.jobs().map((job) => [String(job.key), job]));
  for (const { name } of innocent) {
    const job = states.get(String(name));
    assert.equal(job?.state, 'done', `${name}: ${job?.state} ${job?.hold_code} ${job?.reason}`);
  }
  for (const { name, sha256 } of guilty) {
    const job = states.get(String(name))!;
    if (world.held.has(sha256)) assert.equal(job.state, 'held', `${name}: ${job.state} ${job.reason}`);
    else if (job.state === 'held') world.held.add(sha256);
  }
}

const isRefusedReady = (world: World): boolean =>
  world.jobs().some(({ key, state }) => String(key).includes(REFUSED) && state !== 'held');

/** Every file was found, and none is on its way. */
const settled = (world: World): Promise<unknown> =>
  until(
    'all is done or held',
    () => {
      const jobs = world.jobs();
      return jobs.length === world.dropped.length && jobs.every(({ state }) => state === 'done' || state === 'held');
    },
    {
      soFar: () => JSON.stringify([world.gates(), world.jobs().map(({ key, state }) => `${key} ${state}`)]),
    },
  );

test('no innocent file is held, and no guilty one is stored', {
  ...(MANY !== undefined && { timeout: 7_200_000 }),
}, async (t) => {
  const first = ONE === undefined ? Number(process.hrtime.bigint() % 1_000_000n) : Number(ONE);
  const count = ONE === undefined ? Number(MANY ?? SCHEDULES) : 1;
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  t.diagnostic(`CHAIN_SEED=${first} to ${first + count - 1}`);
  await Promise.all(Array.from({ length: Math.min(LANES, count) }, () => playOn(t, seeds)));
});

async function playOn(t: TestContext, seeds: number[]): Promise<void> {
  const world = createWorld(t, { feeds: { made: { options: { stabilitySeconds: 0, quietMs: 0 } } } });
  const module = join(world.root, 'm.mjs');
  const chain: Chain = { format: 'csv', start: 'route', module, 'stuck-seconds': 3 };
  writeFileSync(module, MODULE);
  const feeds = world.feeds.map((feed) => ({ ...feed, options: { ...feed.options, process: chain } }));
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
  const program = world.start('ingest', ['--concurrency', '2']);
  // A start refuses a module that cannot be read, so it has to be over before a schedule takes the module away.
  await world.isStored(world.drop('first.csv', 'kind,n\ninnocent,first\n'));
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    try {
      await play(world, seed);
    } catch (error) {
      throw new Error(`CHAIN_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  await program.stop();
  world.check();
}
