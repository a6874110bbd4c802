/**
 * Acts of operators, uploaders and consumers, in random order, against a small model: after each verb disk, state and commands
 * agree with the model, however often a verb was killed and given again.
 * Prints its seeds. OPERATORS_SEED=SEED plays one sequence alone; OPERATORS_SEQUENCES=5000 plays so many, for as long as it takes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compilePreload } from '../crash/control.js';
import { openGrounds } from '../crash/grounds.js';
import { Lane, makeHand } from './lane.js';
import { onceFound } from './once-found.js';
import { draw, play, shorten } from './sequence.js';

const { OPERATORS_SEED: ONE, OPERATORS_SEQUENCES: MANY } = process.env;
/** Half of them are the same in each run. */
const SEQUENCES = 144;
/** More than cores: a process waits half of its time, until the kernel has closed a watch, and for its orders. */
const LANES = MANY === undefined ? 4 : 8;

const TOOLS = mkdtempSync(join(tmpdir(), 'ingest-operators-'));
const LIBRARY = compilePreload(TOOLS);
const grounds = openGrounds();
after(() => {
  grounds.close();
  rmSync(TOOLS, { recursive: true });
});

function seeds(): string[] {
  if (ONE !== undefined) return [ONE];
  const fresh = String(process.hrtime.bigint() % 1_000_000_000n);
  const count = Number(MANY ?? SEQUENCES);
  return Array.from({ length: count }, (_, i) =>
    i % 2 === 0 && MANY === undefined ? `fixed-${i / 2}` : `${fresh}-${i}`,
  );
}

const SKIP =
  LIBRARY === undefined && 'no C compiler, so neither kills nor the clock: sequences of verbs were not tested';

test('plays that found a fault once', { skip: SKIP }, async () => {
  await makeHand();
  const lane = new Lane(LIBRARY!, TOOLS, 0);
  try {
    for (const sequence of onceFound(grounds.near)) assert.equal(await play(lane, sequence), undefined);
  } finally {
    lane.close();
  }
});

test('verbs in any order leave what a model of a few lines says', {
  skip: SKIP,
  ...(MANY !== undefined && { timeout: 36_000_000 }),
}, async (t) => {
  await makeHand();
  const all = seeds();
  const totals = { sequences: 0, orders: 0, kills: 0 };
  const found: string[] = [];
  const playOn = async (number: number): Promise<void> => {
    const lane = new Lane(LIBRARY!, TOOLS, number);
    for (let seed = all.shift(); seed !== undefined && found.length < 5; seed = all.shift()) {
      const sequence = draw(seed, grounds.near);
      totals.sequences += 1;
      if ((await play(lane, sequence)) === undefined) continue;
      const shorter = await shorten(lane, sequence);
      found.push((await play(lane, shorter)) ?? `it does not repeat: OPERATORS_SEED=${seed}`);
    }
    totals.orders += lane.counts.orders;
    totals.kills += lane.counts.kills;
    lane.close();
  };
  await Promise.all(Array.from({ length: LANES }, (_, i) => playOn(i)));
  t.diagnostic(JSON.stringify(totals));
  assert(found.length === 0, found.join('\n\n'));
  assert(totals.kills > 0 || totals.sequences === 1, 'no verb was killed');
});
