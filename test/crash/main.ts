/**
 * `npm run crash`: the full form of every part, resumable. Each round goes into a journal, docs/crash-report.md is written
 * from it, and the figures of docs/guarantees.md from the report.
 * `--short` (some units of each part, and all mutants and adversaries), `--only PART[,PART]|NAME` (parts, or one round by its name), `--seed S`, `--rounds N` (at most so many now), `--minutes N`,
 * `--lanes N`, `--keep` (the worlds of violations), `--resume` (goes on with the journal and its seed), `--processes` (the one
 * round on the real daemons), `--links` (the one round without RENAME_NOREPLACE).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE } from '../world/program.js';
import { buildNow } from './build.js';
import { type Harness, openHarness } from './harness.js';
import { type Entry, Journal, versionNow } from './journal.js';
import { isPart, PART_NAMES, type Part, SHORT } from './parts.js';
import { faultsOf } from './plan.js';
import { unitsOf } from './plan-full.js';
import { pointOf } from './points.js';
import { reportOf } from './report.js';
import { withFigures } from './report-guarantees.js';
import type { RoundEnd } from './round.js';
import type { Unit } from './unit.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    lanes: { type: 'string' },
    keep: { type: 'boolean' },
    resume: { type: 'boolean' },
    minutes: { type: 'string' },
    processes: { type: 'boolean' },
    links: { type: 'boolean' },
    short: { type: 'boolean' },
  },
});
const JOURNAL = join(PACKAGE, 'var', 'crash.jsonl');
const REPORT = join(PACKAGE, 'docs', 'crash-report.md');
const GUARANTEES = join(PACKAGE, 'docs', 'guarantees.md');

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const wanted = values.only?.split(',') ?? [...PART_NAMES];
/** A single round is only a check, not a part: it leaves the journal of a long run as it is. */
const isOne = !wanted.every(isPart);

function openJournal(): Journal {
  const resumed = values.resume && !isOne ? Journal.resume(JOURNAL) : undefined;
  if (resumed) return resumed;
  const seed = values.seed ?? String(Date.now());
  return Journal.begin(isOne ? `${JOURNAL}.one` : JOURNAL, {
    seed,
    version: versionNow(),
    begun: new Date().toISOString(),
    short: values.short === true,
  });
}

/** A round by its faults, or a unit of any part by its name. */
function oneUnit(name: string, harness: Harness, { calls }: RoundEnd, seed: string): Unit {
  const faults = faultsOf(name);
  const part = values.processes ? 'processes' : values.links ? 'links' : 'kill';
  if (faults) return harness.unit({ part, name, faults });
  const planned = PART_NAMES.flatMap((part) => [...unitsOf(part, { harness, calls, entries: [], seed })]);
  const unit = planned.find((one) => one.name === name);
  if (!unit) throw new Error(`--only ${name} is no part (${PART_NAMES.join(', ')}) and no round of this seed`);
  return unit;
}

function* undone(part: Part, units: Iterable<Unit>, entries: readonly Entry[]): Iterable<Unit> {
  // Rounds with violations are run again: somebody who resumes has fixed something.
  const sound = entries.filter(({ violations }) => violations.length === 0);
  const done = new Set(sound.map(({ part: of, name }) => `${of} ${name}`));
  for (const unit of units) if (!done.has(`${part} ${unit.name}`)) yield unit;
}

function progress(journal: Journal): { done: (entry: Entry) => void; violated: () => number } {
  const startedMs = performance.now();
  const { seed } = journal.head;
  let violated = 0;
  const done = (entry: Entry): void => {
    journal.add(entry);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const n = journal.entries.length;
    const isSlow = entry.points.length === 0;
    if (n % 100 === 0 || isSlow) say(`${entry.part}: ${n} rounds, ${seconds} s, ${violated} with violations`);
    if (entry.untested !== undefined) say(`not tested: ${entry.untested}`);
    if (entry.violations.length === 0) return;
    violated++;
    const at = entry.points.length > 0 ? ` at ${entry.points.join(' and ')}` : '';
    const real = entry.part === 'processes' || entry.part === 'links' ? ` --${entry.part}` : '';
    say(
      `VIOLATION ${entry.name}${at}\n  again by: npm run crash -- --seed ${seed}${real} --only '${entry.name}' --keep`,
    );
    for (const { kind, what } of entry.violations) say(`  ${kind}: ${what}`);
  };
  return { done, violated: () => violated };
}

function writeReport(report: string): void {
  writeFileSync(REPORT, report);
  writeFileSync(GUARANTEES, withFigures(readFileSync(GUARANTEES, 'utf8'), report));
}

async function main(): Promise<number> {
  if (values.keep) process.env.KEEP_VIOLATED = '1'; // adversaries make their worlds themselves
  // Now, and not at the end of the first round: the sources may change meanwhile.
  buildNow();
  const journal = openJournal();
  const { seed } = journal.head;
  const lanes = values.lanes === undefined ? undefined : Number(values.lanes);
  const harness = openHarness(seed, values.keep === true, lanes);
  if (!harness) {
    say('nothing was tested: there is no gcc to compile the library that injects the faults');
    return 3;
  }
  if (!harness.grounds.crossed)
    say('not tested: the copy to another filesystem (needs root, or a /dev/shm of its own)');
  say(`seed ${seed}`);
  const endMs = performance.now() + Number(values.minutes ?? 1e9) * 60_000;
  let left = Number(values.rounds ?? 1e9);
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stopped = true;
    });
  const until = () => stopped || left-- <= 0 || performance.now() > endMs;
  const { done, violated } = progress(journal);
  try {
    const baseline = await harness.baseline();
    const { calls } = baseline;
    say(`a run makes ${calls.length} calls at ${new Set(calls.map(pointOf)).size} distinct points`);
    if (isOne) {
      await harness.run([oneUnit(values.only!, harness, baseline, seed)], done, () => false);
      say(JSON.stringify(journal.entries.at(-1), null, 2));
    } else {
      for (const part of wanted as Part[]) {
        const { entries } = journal;
        const own = part === 'links' ? (await harness.baseline(part)).calls : calls;
        const all = unitsOf(part, { harness, calls: own, entries, seed });
        const units = values.short ? [...all].slice(0, SHORT[part]) : all;
        await harness.run(undone(part, units, [...entries]), done, until);
      }
      writeReport(reportOf(journal, calls, harness.grounds));
    }
  } finally {
    harness.close();
  }
  return violated() > 0 ? 1 : 0;
}

process.exitCode = await main();
