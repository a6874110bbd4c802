/**
 * Work that a kernel callback starts continues at once, and not at the next timer.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { directoryFor, startNode } from './support.js';

const TIMES = 10;
const TIMER_MS = 10_000;

/** `source` answers each file that appears in args[0] with a line. Beside it runs a timer of TIMER_MS. */
async function msForAnswers(t: TestContext, source: string): Promise<number> {
  const path = directoryFor(t);
  const prelude = `setInterval(() => {}, ${TIMER_MS});
    const watch = (callback) => new linux.Inotify(callback).addWatch({ path: args[0], watch_for: linux.IN_CREATE });
    const answer = () => fs.writeSync(1, 'seen\\n');`;
  const child = startNode(t, `${prelude}${source}; answer();`, { args: [path] });
  const lines = createInterface({ input: child.stdout! });
  await once(lines, 'line');
  const began = performance.now();
  for (let n = 0; n < TIMES; n++) {
    const answered = once(lines, 'line');
    writeFileSync(join(path, String(n)), '');
    await answered;
  }
  return performance.now() - began;
}

for (const [what, source] of [
  ['a promise', 'watch(() => Promise.resolve().then(answer))'],
  ['a next tick', 'watch(() => process.nextTick(answer))'],
  [
    'a sync of the filesystem',
    `const fd = fs.openSync(args[0]); watch(() => linux.syncFs(fd).then(answer, () => process.exit(1)))`,
  ],
] as const) {
  test(`${what} of a callback is not left undone until the next timer`, async (t) => {
    const ms = await msForAnswers(t, source);
    t.diagnostic(`${TIMES} answers in ${Math.round(ms)} ms, beside a timer of ${TIMER_MS} ms`);
    assert.ok(ms < (TIMES * TIMER_MS) / 4, `${TIMES} answers took ${Math.round(ms)} ms`);
  });
}
