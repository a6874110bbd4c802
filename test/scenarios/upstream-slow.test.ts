/**
 * Upstream is not disturbed, the hard case made certain: uploaders that set times and modes by path after they have closed
 * the file do it within 3 ms, which is rarely lost even by an ingestor that takes closed files at once. Here strace
 * delays those calls, so that only the rest after the last change (--quiet-ms) can save them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { canTrace } from '../world/tracer.js';
import { createWorld, type World } from '../world/world.js';
import { droppedAs, WATCHING } from './watching.js';

const TIMES = 5;
const BY_PATH = 'utimensat,utimes,futimesat,chmod,fchmodat';
/** Longer than the product's own, because a loaded machine makes each pause longer. */
const REST_MS = 4_000;
/** Far less than the rest, more than an ingestor without one takes. */
const DELAYED = [
  'strace',
  '-f',
  '-qq',
  '-o',
  '/dev/null',
  '-e',
  `trace=${BY_PATH}`,
  '-e',
  `inject=${BY_PATH}:delay_enter=400000`,
];

/** A shell's words; `$1` is the source, `$2` the target, `$3` the target's directory, `$4` its name. */
const UPLOADERS: Record<string, string> = {
  install: 'exec install -p -m 0640 "$1" "$2"',
  rsync: 'exec rsync --inplace -t --chmod=0640 "$1" "$2"',
  // The command that `scp -O -p` runs on the receiving side.
  scp: '{ printf "T1000000000 0 1000000000 0\\nC0640 %s %s\\n" "$(stat -c %s "$1")" "$4"; cat "$1"; printf "\\0"; } | scp -p -t "$3" > "$1.answer"',
};

async function upload(world: World, program: string, script: string): Promise<void> {
  const sources = join(world.root, `sources of ${program}`);
  mkdirSync(sources);
  for (let n = 0; n < TIMES; n++) {
    const [name, content] = [`${program}-${n}.csv`, world.content(20_000)];
    writeFileSync(join(sources, name), content);
    const words = [join(sources, name), join(world.input, name), world.input, name];
    const { code, stderr } = await world.launch('/bin/bash', ['-o', 'pipefail', '-c', script, program, ...words], {
      wrap: DELAYED,
    }).ended;
    assert.equal(code, 0, `${program}: ${stderr}`);
    world.dropped.push(droppedAs(name, content));
  }
}

for (const [watching, options] of Object.entries(WATCHING)) {
  test(`uploaders that set times and modes long after closing still find their files (${watching})`, {
    concurrency: 3,
  }, async (t) => {
    if (!canTrace) return t.skip('strace cannot trace here; not tested: uploaders that are slow between two calls');
    const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: REST_MS, ...options } });
    world.start('ingest');
    await world.event('worker_started');
    const all = Object.entries(UPLOADERS).map(([program, script]) =>
      t.test(program, async (t) => {
        if (skipUnlessInstalled(t, program, `slow uploads by ${program}`)) return;
        await upload(world, program, script);
      }),
    );
    await Promise.all(all);
    await world.stored();
    await world.stop();
    world.check();
    for (const { mode } of world.warehouse()) assert.equal(mode & 0o777, 0o640);
  });
}
