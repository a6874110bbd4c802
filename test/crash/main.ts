/**
 * `npm run crash`: the full form, resumable. Rounds go into a journal, docs/crash-report.md is written from it.
 * `--seed S`, `--rounds N` (at most so many now), `--only PART|NAME` (a part, or one round by its name), `--keep` (the worlds
 * of violations), `--resume` (goes on with the journal and its seed), `--lanes N`, `--minutes N`, `--processes` (the one round on the real daemons).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE } from '../world/program.js';
import type { Call, Fault } from './control.js';
import { openHarness } from './harness.js';
import { type Entry, Journal } from './journal.js';
import { errorRounds, faultsOf, killRounds, PARTS, type Part, type Planned, recoveryRounds } from './plan.js';
import { processRounds } from './plan-processes.js';
import { pointOf } from './points.js';
import { reportOf } from './report.js';

const { values } = parseArgs({
  options: {
    ...{ seed: { type: 'string' }, rounds: { type: 'string' }, only: { type: 'string' }, lanes: { type: 'string' } },
    ...{ keep: { type: 'boolean' }, resume: { type: 'boolean' }, minutes: { type: 'string' } },
    processes: { type: 'boolean' },
  },
});
const JOURNAL = join(PACKAGE, 'var', 'crash.jsonl');
const REPORT = join(PACKAGE, 'docs', 'crash-report.md');

const version = (): string =>
  (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }).version;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function openJournal(): Journal {
  const resumed = values.resume ? Journal.resume(JOURNAL) : undefined;
  if (resumed) return resumed;
  const seed = values.seed ?? String(Date.now());
  // One round alone is a look, and leaves the journal of a long run as it is.
  const path = isRound ? `${JOURNAL}.one` : JOURNAL;
  return Journal.begin(path, { seed, version: version(), begun: new Date().toISOString() });
}

const isRound = values.only !== undefined && faultsOf(values.only) !== undefined;
const parts = (): Part[] => (values.only === undefined ? [...PARTS] : (values.only.split(',') as Part[]));

function* roundsOf(part: Part, calls: readonly Call[], entries: readonly Entry[], seed: string): Iterable<Planned> {
  // What violated is run again: whoever resumes has mended something.
  const sound = entries.filter(({ violations }) => violations.length === 0);
  const done = new Set(sound.map(({ part: of, name }) => `${of} ${name}`));
  const plans = {
    kill: () => killRounds(calls, seed),
    error: () => errorRounds(calls, seed),
    recovery: () => recoveryRounds(firstsOf(entries), seed),
    processes: () => processRounds(seed),
  };
  for (const round of plans[part]()) if (!done.has(`${part} ${round.name}`)) yield round;
}

/** One kill for each distinct point (stage, call, before or after) that was reached. */
function firstsOf(entries: readonly Entry[]): { fault: Fault; calls: number }[] {
  const firsts = new Map<string, { fault: Fault; calls: number }>();
  for (const { part, name, points, recoveryCalls } of entries) {
    const fault = faultsOf(name)?.[0];
    if (part !== 'kill' || !fault || points[0] == null) continue;
    const key = `${fault.kind} ${points[0]}`;
    if (!firsts.has(key)) firsts.set(key, { fault, calls: recoveryCalls });
  }
  return [...firsts.values()];
}

async function main(): Promise<number> {
  const journal = openJournal();
  const { seed } = journal.head;
  const harness = openHarness(
    seed,
    values.keep === true,
    values.lanes === undefined ? undefined : Number(values.lanes),
  );
  if (!harness) {
    say('nothing was tested: there is no gcc to compile the library that injects the faults');
    return 3;
  }
  if (!harness.grounds.crossed)
    say('not tested: the copy to another filesystem (needs root, or a /dev/shm of its own)');
  say(`seed ${seed}`);
  const startedMs = performance.now();
  const endMs = startedMs + Number(values.minutes ?? 1e9) * 60_000;
  let left = Number(values.rounds ?? 1e9);
  let violations = 0;
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stopped = true;
    });
  const until = () => stopped || left-- <= 0 || performance.now() > endMs;
  try {
    const { calls } = await harness.baseline();
    say(`a run makes ${calls.length} calls at ${new Set(calls.map(pointOf)).size} distinct points`);
    const done = (entry: Entry) => {
      journal.add(entry);
      const n = journal.entries.length;
      if (n % 100 === 0)
        say(`${n} rounds, ${Math.round((performance.now() - startedMs) / 1_000)} s, ${violations} with violations`);
      if (entry.violations.length === 0) return;
      violations++;
      say(
        `VIOLATION ${entry.name} at ${entry.points.join(' and ')}\n  again by: npm run crash -- --seed ${seed} --only '${entry.name}' --keep`,
      );
      for (const { kind, what } of entry.violations) say(`  ${kind}: ${what}`);
    };
    if (isRound) {
      const part = values.processes ? 'processes' : 'kill';
      await harness.run([{ part, name: values.only!, faults: faultsOf(values.only!)! }], done, () => false);
      say(JSON.stringify(journal.entries.at(-1), null, 2));
    } else {
      for (const part of parts()) await harness.run(roundsOf(part, calls, journal.entries, seed), done, until);
      writeFileSync(REPORT, reportOf(journal, calls, harness.grounds));
    }
  } finally {
    harness.close();
  }
  return violations > 0 ? 1 : 0;
}

process.exitCode = await main();
