/** Processors that loop, eat memory, throw, exit, kill their process: the file is held with a sentence, and everything else goes on. */
import assert from 'node:assert/strict';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { asConfiguration, type Chain } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

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
    says: /^no record was finished and no byte read for 4 seconds/,
    chain: { 'stuck-seconds': 4 },
  },
  {
    name: 'waits for ever',
    body: 'return new Promise(() => {});',
    code: 'process_stuck',
    says: /^no record was finished and no byte read for 4 seconds/,
    chain: { 'stuck-seconds': 4 },
  },
  {
    name: 'eats memory of V8',
    body: 'const all = []; for (;;) all.push({ record, n: all.length, text: String(all.length) });',
    code: 'process_died',
    says: /^the process of the chain .* 2 times with this file/,
    chain: { 'memory-bytes': 256 << 20 },
  },
  {
    name: 'eats memory of buffers',
    body: 'const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1));',
    code: 'process_died',
    says: /^the process of the chain .* 2 times with this file/,
    chain: { 'memory-bytes': 256 << 20 },
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
  test(`a processor that ${bad.name}: its file is held, other files go on`, async (t) => {
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

test('64 KiB of a processor that prints a gigabyte are logged, and its file is stored', async (t) => {
  const world = worldOf(t, {
    body: 'const text = "x".repeat(1 << 20); for (let n = 0; n < 512; n++) process.stdout.write(text);',
  });
  world.drop('a.csv', TEXT, { feed: 'made' });
  await world.runOnce();
  const told = world.log.named('process_printed').reduce((sum, { text }) => sum + String(text).length, 0);
  assert(told > 0 && told <= 65 << 10, `${told} characters`);
  assert.equal(world.manifest('made')[0]?.record?.outputs?.length, 2);
});

const GOOD = 'export default () => ({ route(r, emit) { emit("all", r); }, nowhere(r, emit) { emit("all", r); } });';

interface Unusable {
  what: string;
  /** Makes the module so, after the service has read its configuration. */
  text?: string;
  make?: (module: string) => void;
  chain?: Chain;
}

const UNUSABLE: Unusable[] = [
  { what: 'does not have the first step', text: 'export default () => ({ route() {} });', chain: { start: 'nowhere' } },
  { what: 'has a typing error', text: 'export default () => ({' },
  { what: 'throws when it is loaded', text: 'throw new Error("at once");' },
  { what: 'throws before its first record', text: 'export default () => { throw new Error("at once"); };' },
  { what: 'exits while it is loaded', text: 'process.exit(0);' },
  { what: 'kills its process while it is loaded', text: 'process.kill(process.pid, "SIGKILL");' },
  { what: 'awaits for ever while it is loaded', text: 'await new Promise(() => {});', chain: { 'stuck-seconds': 4 } },
  { what: 'loops while it is loaded', text: 'for (;;);', chain: { 'stuck-seconds': 4 } },
  { what: 'takes all memory while it is loaded', text: 'const all = []; for (;;) all.push(Buffer.alloc(1 << 24, 1));' },
  { what: 'exits before its first record', text: 'export default () => process.exit(3);' },
  { what: 'loops before its first record', text: 'export default () => { for (;;); };', chain: { 'stuck-seconds': 4 } },
  {
    what: 'leaves a promise that rejects for every file',
    text: `${GOOD.replace('route(r, emit) {', 'async route(r, emit) { await new Promise((done) => setTimeout(done, 300));')}
      setTimeout(() => Promise.reject(new Error("no configuration")), 100);`,
  },
  {
    what: 'ends its process for every file',
    text: `${GOOD.replace('route(r, emit) {', 'async route(r, emit) { await new Promise((done) => setTimeout(done, 300));')}
      setTimeout(() => process.exit(5), 100);`,
  },
  { what: 'is a symlink to itself', make: (module) => symlinkSync(module, module) },
  { what: 'is missing', make: () => {} },
];

test('a module that cannot be used closes the gate of its feed, which opens when it is mended', async (t) => {
  const names = UNUSABLE.map((_, n) => `feed-${n}`);
  const world = createWorld(t, { feeds: Object.fromEntries(names.map((name) => [name, { options: QUICK }])) });
  const moduleOf = (name: string) => join(world.root, `${name}.mjs`);
  const feeds = world.feeds.map((feed, n) => {
    const process = { format: 'csv', start: 'route', module: moduleOf(feed.name), ...UNUSABLE[n]!.chain };
    return { ...feed, options: { ...feed.options, process: process as Chain } };
  });
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
  for (const name of names) writeFileSync(moduleOf(name), GOOD);
  const program = world.start('ingest');
  await until('the configuration was read', () => world.database(names[0]!) !== undefined);
  for (const [n, { text, make }] of UNUSABLE.entries()) {
    rmSync(moduleOf(names[n]!));
    if (text !== undefined) writeFileSync(moduleOf(names[n]!), text);
    make?.(moduleOf(names[n]!));
    for (const i of [1, 2, 3]) world.drop(`${i}.csv`, `${TEXT}${i},DE\n`, { feed: names[n]! });
  }
  const gate = (name: string) =>
    world.gates(name).find(({ stage, code }) => stage === 'process' && code === 'unloadable');
  const judged = (name: string) => gate(name) ?? world.jobs(name).find(({ state }) => state === 'held');
  for (const name of names) await until(`the gate of ${name} is closed`, () => judged(name));
  const held = names.flatMap((name, n) =>
    world.jobs(name).flatMap(({ state, reason }) => (state === 'held' ? [`${UNUSABLE[n]!.what}: ${reason}`] : [])),
  );
  assert.deepEqual(held, []);
  for (const name of names) {
    rmSync(moduleOf(name), { force: true });
    writeFileSync(moduleOf(name), GOOD);
  }
  await world.allDroppedDone();
  await program.stop();
  world.check();
});
