import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { host } from '../../src/linux/index.js';
import { directoryFor, startNode } from './support.js';

test("the host's doorbell hears another process, and not after it was ended", async (t) => {
  const path = join(directoryFor(t), 'doorbell');
  fs.writeFileSync(path, '');
  let rung = () => {};
  const next = () =>
    new Promise<void>((resolve) => {
      rung = resolve;
    });
  const stop = host().watchModified(path, () => rung());
  t.after(stop);
  const keepAlive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(keepAlive));
  for (let round = 0; round < 3; round++) {
    const bell = next();
    const ringer = startNode(t, 'fs.appendFileSync(args[0], "x");', { args: [path] });
    await Promise.all([bell, once(ringer, 'close')]);
  }
  stop();
  stop();
  rung = () => assert.fail('rung after its end');
  fs.appendFileSync(path, 'x');
  await new Promise((resolve) => setImmediate(resolve));
  assert.throws(() => host().watchModified(join(path, 'none'), () => {}), { code: 'ENOTDIR' });
});
