/**
 * The short form of `npm run crash`: a fixed seed and a fresh one, a few rounds of each part.
 * The full form (every call) is a command of its own; its report is docs/crash-report.md.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Call, Fault } from './control.js';
import { dice } from './dice.js';
import { type Harness, openHarness } from './harness.js';
import type { Entry } from './journal.js';
import { errorRounds, killRounds, linkRounds, type Planned, recoveryRounds, stormRounds } from './plan.js';
import { processRounds } from './plan-processes.js';
import { pointOf } from './points.js';

const FRESH = process.env.SEED ?? String(Date.now());

const harnessFor = (t: TestContext, seed: string): Harness | undefined => {
  const harness = openHarness(seed, process.env.KEEP_WORLD !== undefined, 2);
  if (!harness) t.skip('there is no gcc: that no call of any process may be killed or fail was not tested');
  else t.after(() => harness.close());
  return harness;
};

async function nothingDiffers(harness: Harness, rounds: readonly Planned[], seed: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  await harness.run(
    rounds.map((round) => harness.unit(round)),
    (entry) => void entries.push(entry),
    () => false,
  );
  const violated = entries.filter(({ violations }) => violations.length > 0);
  const again = violated.map(
    ({ part, name, points, violations }) =>
      `${name} (${points.join(', ')}), again by: npm run crash -- --seed ${seed}${part === 'links' ? ' --links' : ''} --only '${name}'\n${violations.map(({ kind, what }) => `  ${kind}: ${what}`).join('\n')}`,
  );
  assert.deepEqual(violated, [], again.join('\n'));
  return entries;
}

/** Rounds at calls that are no write of the database: these are the most, and the most similar. */
const mixed = (
  rounds: readonly Planned[],
  calls: readonly { number: number; path: string }[],
  count: number,
): Planned[] => {
  const others = new Set(calls.filter(({ path }) => !/state\.db/.test(path)).map(({ number }) => number));
  const half = rounds.filter(({ faults }) => others.has(faults[0]!.at)).slice(0, Math.ceil(count / 2));
  return [...half, ...rounds.filter((round) => !half.includes(round)).slice(0, count - half.length)];
};

for (const seed of ['fixed', FRESH]) {
  test(`a call is killed or fails, again in the recovery, and nothing differs: seed ${seed}`, async (t) => {
    const harness = harnessFor(t, seed);
    if (!harness) return;
    const { crossed } = harness.grounds;
    if (!crossed) t.diagnostic('not tested: the copy to another filesystem (needs root or /dev/shm)');
    const { calls, renames } = await harness.baseline();
    const points = new Set(calls.map(pointOf)).size;
    t.diagnostic(`a run makes ${calls.length} calls at ${points} points, ${renames} of them renames`);
    const kills = mixed(killRounds(calls, seed), calls, 6);
    const killed = await nothingDiffers(harness, kills, seed);
    const below = dice(`${seed} seconds`);
    const firsts = killed.map(({ name, recoveryCalls }): { fault: Fault; calls: number } => ({
      fault: kills.find((kill) => kill.name === name)!.faults[0]!,
      calls: 1 + below(recoveryCalls),
    }));
    await nothingDiffers(harness, recoveryRounds(firsts, seed).slice(0, 3), seed);
    await nothingDiffers(harness, stormRounds(seed).slice(0, 1), seed);
    const failed = await nothingDiffers(harness, mixed(errorRounds(calls, seed), calls, 6), seed);
    await nothingDiffers(harness, processRounds(seed).slice(0, 1), seed);
    const reached = [...killed, ...failed].filter(({ points: at }) => at[0] != null).length;
    assert(reached >= 9, `only ${reached} of 12 faults were reached`);
  });
}

test(`without RENAME_NOREPLACE a call is killed, and nothing differs: seed ${FRESH}`, async (t) => {
  const harness = harnessFor(t, FRESH);
  if (!harness) return;
  const { calls } = await harness.baseline('links');
  for (const [what, isOne] of Object.entries(WAYS))
    assert(calls.some(isOne), `a run makes no call of this way: ${what}`);
  const killed = await nothingDiffers(harness, linkRounds(calls, FRESH).slice(0, 8), FRESH);
  const reached = killed.filter(({ points: at }) => at[0] != null).length;
  assert(reached >= 6, `only ${reached} of 8 kills were reached`);
});

const WAYS: Record<string, (call: Call) => boolean> = {
  'a file gets its name by a link': ({ call, path }) => call === 'linkat' && path.includes('/warehouse/ingest_date='),
  'a file is taken into the folder of a claim': ({ call, path }) => call === 'renameat' && path.includes('.claims~/'),
  'it is put away': ({ call, path }) => call === 'renameat' && path.includes('/duplicates/'),
  'it is taken out of the warehouse': ({ call, path, from }) =>
    call === 'renameat' && path.includes('.claims~/') && from.includes('/warehouse/'),
};
