/** Processors that loop, eat memory, throw, exit, kill their process: the file is held with a sentence, and everything else goes on. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { asConfiguration, type Chain } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const limit = { timeout: 120_000 };
const QUICK = { stabilitySeconds: 0, quietMs: 0 };
const TEXT = 'id,country\n1,DE\n2,FR\n';

interface Bad {
  name: string;
  /** The body of the step `route`. */
  body: string;
  code: string;
  says: RegExp;
  chain?: Chain;
}

const BAD: Bad[] = [
  {
    name: 'loops for ever',
    body: 'for (;;);',
    code: 'process_stuck',
    says: /^no record was finished and no byte read for 2 seconds/,
    chain: { 'stuck-seconds': 2 },
  },
  {
    name: 'waits for ever',
    body: 'return new Promise(() => {});',
    code: 'process_stuck',
    says: /^no record was finished and no byte read for 2 seconds/,
    chain: { 'stuck-seconds': 2 },
  },
  {
    name: 'eats memory of V8',
    body: 'const all = []; for (;;) all.push({ record, n: all.length, text: String(all.length) });',
    code: 'process_died',
    says: /^the process of the chain .* 2 times with this file/,
    chain: { 'memory-bytes': 200 << 20 },
  },
  {
    name: 'eats memory of buffers',
    body: 'const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1));',
    code: 'process_died',
    says: /^the process of the chain .* 2 times with this file/,
    chain: { 'memory-bytes': 200 << 20 },
  },
  { name: 'throws', body: 'throw new Error("no such thing");', code: 'process_failed', says: /line 2.*no such thing/ },
  { name: 'exits', body: 'process.exit(0);', code: 'process_died', says: /ended by itself with code 0.*2 times/ },
  {
    name: 'kills its process',
    body: 'process.kill(process.pid, "SIGKILL");',
    code: 'process_died',
    says: /was killed by SIGKILL/,
  },
  {
    name: 'closes descriptors',
    body: 'for (let fd = 3; fd < 100; fd++) try { fs.closeSync(fd); } catch {}',
    code: 'process_died',
    says: /2 times with this file/,
  },
  {
    name: 'has a million tags',
    body: 'for (let n = 0; n < 1e6; n++) emit("t" + n, record);',
    code: 'too_many_outputs',
    says: /t100\b/,
  },
];

function worldOf(t: TestContext, { body, chain = {} }: Pick<Bad, 'body' | 'chain'>): World {
  const world = createWorld(t, { feeds: { made: { options: QUICK }, plain: { options: QUICK } } });
  const module = join(world.root, 'orders.mjs');
  writeFileSync(
    module,
    `import fs from 'node:fs';\nexport default () => ({ route(record, emit) { ${body} emit(record.country, record); } });\n`,
  );
  configure(world, { format: 'csv', start: 'route', module, ...chain });
  return world;
}

function configure(world: World, process: Chain): void {
  const feeds = world.feeds.map((feed) =>
    feed.name === 'made' ? { ...feed, options: { ...feed.options, process } } : feed,
  );
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
}

for (const bad of BAD)
  test(`a processor that ${bad.name}: its file is held, other files go on`, limit, async (t) => {
    const world = worldOf(t, bad);
    world.held.add(world.drop('a.csv', TEXT, { feed: 'made' }).sha256);
    for (let n = 0; n < 20; n++) world.drop(`${n}.csv`, 1_000 + n, { feed: 'plain' });
    await world.runOnce([], { code: 4 });
    const [held] = world.jobs('made');
    assert.deepEqual([held?.state, held?.hold_code], ['held', bad.code], held?.reason ?? '');
    assert.match(held!.reason!, bad.says);
    assert.equal(world.manifest('plain').length, 20);
    world.check();
  });

test('64 KiB of a processor that prints a gigabyte are logged, and its file is stored', limit, async (t) => {
  const world = worldOf(t, {
    body: 'const text = "x".repeat(1 << 20); for (let n = 0; n < 512; n++) process.stdout.write(text);',
  });
  world.drop('a.csv', TEXT, { feed: 'made' });
  await world.runOnce();
  const told = world.log.named('process_printed').reduce((sum, { text }) => sum + String(text).length, 0);
  assert(told > 0 && told <= 65 << 10, `${told} characters`);
  assert.equal(world.manifest('made')[0]?.record?.outputs?.length, 2);
});

for (const [what, text] of [
  ['does not have the first step', undefined],
  ['has a typing error', 'export default () => ({'],
  ['throws when it is loaded', 'throw new Error("at once");'],
  ['throws before its first record', 'export default () => { throw new Error("at once"); };'],
] as const)
  test(`a module that ${what} closes the gate of its feed, which opens when it is mended`, limit, async (t) => {
    const world = worldOf(t, { body: '' });
    const module = join(world.root, 'other.mjs');
    configure(world, { format: 'csv', start: 'route', module });
    if (text === undefined) writeFileSync(module, 'export default () => ({ route() {} });');
    else writeFileSync(module, text);
    if (text === undefined) configure(world, { format: 'csv', start: 'nowhere', module });
    for (let n = 0; n < 5; n++) world.drop(`${n}.csv`, `${TEXT}${n},DE\n`, { feed: 'made' });
    world.drop('plain.csv', 10, { feed: 'plain' });
    const program = world.start('ingest');
    const gate = () => world.gates('made').find(({ stage, code }) => stage === 'process' && code === 'unloadable');
    await until('the gate is closed', gate);
    assert.deepEqual(
      world.jobs('made').filter(({ state }) => state === 'held'),
      [],
    );
    writeFileSync(
      module,
      'export default () => ({ route(r, emit) { emit("all", r); }, nowhere(r, emit) { emit("all", r); } });',
    );
    await world.stored(6);
    await program.stop();
  });
