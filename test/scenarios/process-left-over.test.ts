/**
 * A promise, timer or memory of one file fails while the next file is in its process: the next file gets a process of its own,
 * and is stored. A file that does the same by itself is held.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { asConfiguration, type Chain } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };

const LEFT: { what: string; act: string; code: string }[] = [
  { what: 'a promise that rejects', act: 'void Promise.reject(new Error("late"))', code: 'process_failed' },
  { what: 'a timer that throws', act: 'setTimeout(() => { throw new Error("late"); })', code: 'process_failed' },
  { what: 'a timer that exits', act: 'setTimeout(() => process.exit(3))', code: 'process_died' },
  { what: 'a loop', act: 'for (;;);', code: 'process_stuck' },
  // V8 without memory ends the process. A buffer that gets no memory is an error that the step throws.
  {
    what: 'memory',
    act: 'for (const all = []; ; ) all.push(new Array(1 << 20).fill(all.length));',
    code: 'process_died',
  },
  {
    what: 'a changed prototype',
    act: 'Array.prototype.at = () => { throw new Error("late"); }; [].at(0)',
    code: 'process_failed',
  },
  {
    what: 'descriptors that are closed',
    act: 'for (let fd = 10; fd < 30; fd++) try { fs.closeSync(fd); } catch {}; fs.readSync = () => { throw Object.assign(new Error("late"), { code: "EBADF" }); }; syncBuiltinESMExports(); fs.readSync()',
    code: 'process_failed',
  },
];

const moduleThat = (act: string): string => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const act = () => { ${act}; };
  let left = () => {};
  export default ({ name }) => ({
    async route(record, emit) {
      emit('all', record);
      left();
      if (name.startsWith('leaves')) left = act;
      if (name.startsWith('does')) act();
      await new Promise((done) => setTimeout(done, 200));
    },
  });`;

test('what a file leaves in its process holds no other file', async (t) => {
  const names = LEFT.map((_, n) => `feed-${n}`);
  const world = createWorld(t, { feeds: Object.fromEntries(names.map((name) => [name, { options: QUICK }])) });
  const feeds = world.feeds.map((feed, n) => {
    const module = join(world.root, `${feed.name}.mjs`);
    writeFileSync(module, moduleThat(LEFT[n]!.act));
    const stuckSeconds = LEFT[n]!.code === 'process_stuck' ? 5 : 60;
    const process: Chain = { format: 'csv', start: 'route', module, 'stuck-seconds': stuckSeconds };
    return { ...feed, options: { ...feed.options, process } };
  });
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
  const program = world.start('ingest', ['--concurrency', String(names.length)]);
  for (const name of ['leaves.csv', 'next.csv', 'leaves again.csv', 'one.csv', 'more.csv']) {
    const dropped = names.map((feed) => world.drop(name, `name\n${name}\n`, { feed }));
    for (const file of dropped) await world.isStored(file);
  }
  for (const feed of names) world.held.add(world.drop('does.csv', `name\n${feed}\n`, { feed }).sha256);
  for (const [n, feed] of names.entries()) {
    const held = await until('it is held', () => world.jobs(feed).find(({ state }) => state === 'held'));
    assert.equal(held.hold_code, LEFT[n]!.code, `${LEFT[n]!.what}: ${held.reason}`);
  }
  await program.stop();
  world.check();
});
