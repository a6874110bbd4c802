/** On a terminal silence is a fault: a waiting file is told with the time its window still has, and --once sums up. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { createWorld } from '../world/world.js';

test('ingest --once on a terminal shows a bar, the file that is waited for, short lines and a summary', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): what is shown on a terminal was not tested');
    return;
  }
  const world = createWorld(t, { options: { stabilitySeconds: 2 } });
  world.drop('a\u001b[31m.csv', 1_000);
  world.drop('b.csv', 1_000);
  const command = [join(PACKAGE, 'bin', 'ingest'), ...world.flags('ingest'), '--once']
    .map((word) => `'${word}'`)
    .join(' ');
  const { code, stdout } = await world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${command}`, '/dev/null'])
    .ended;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /\[\.+\] 0 files in, 0 B, .*\.csv is complete in \d\.\ds, 2 under way/);
  assert.match(stdout, /a\\u001b\[31m\.csv → /);
  assert.doesNotMatch(stdout, /"event"/);
  assert.match(stdout, /ingest: 2 files \(2\.0 KiB\) ingested or skipped as duplicates\./);
});
