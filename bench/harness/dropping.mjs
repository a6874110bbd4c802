/** Drops files into an input as an uploader does: written elsewhere, their sidecar first, then renamed into place. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

const TICK_MS = 2;
const LAST_WAIT_MS = 60_000;

/** Answers when its rename began, by performance.now(). `row` makes the content differ from all others. */
export function drop(world, name, row = name) {
  const target = join(world.input, name);
  writeFileSync(join(world.upload, name), `${row},${Math.random()}\n`);
  writeFileSync(`${target}.ok`, '');
  const at = performance.now();
  renameSync(join(world.upload, name), target);
  return { target, at };
}

/**
 * `rate` files a second for `seconds`, or as long as `goOn` says; before them one that warms up and does not count, unless
 * something has warmed up already. `stored` is filled
 * by the caller: path → when it was told. `name` begins the names. Answers path → when it was renamed in, after all were stored or a minute passed.
 */
export async function dropAtRate(world, { rate, seconds, stored, name = 'drop', warmUp = true, goOn = () => true }) {
  const dropped = new Map();
  if (warmUp) await storedAll(new Map([[drop(world, `${name}-warm-up.csv`).target, 0]]), stored);
  const from = performance.now();
  const elapsed = () => (performance.now() - from) / 1000;
  while (elapsed() < seconds && goOn()) {
    while (dropped.size < elapsed() * rate) {
      const { target: path, at } = drop(world, `${name}-${dropped.size}.csv`);
      dropped.set(path, at);
      // This process also reads which files are stored. A slow disk delays the drops, and must not delay that.
      await turn();
    }
    await sleep(TICK_MS);
  }
  await storedAll(dropped, stored);
  return dropped;
}

/** `stored` may have others in it. */
async function storedAll(dropped, stored) {
  const deadline = performance.now() + LAST_WAIT_MS;
  const open = new Set(dropped.keys());
  while (open.size > 0 && performance.now() < deadline) {
    for (const path of open) if (stored.has(path)) open.delete(path);
    if (open.size > 0) await sleep(TICK_MS);
  }
}
