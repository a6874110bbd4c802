/** The worlds of adversaries, and the check that all files of one are in. */
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { doneAndOthers, underWay } from '../world/database.js';
import { until } from '../world/waiting.js';
import { World } from '../world/world.js';
import { type Adversary, type AdversaryPlan, type AdversaryReport, nothingYet } from './adversary.js';

/** Nothing but the probes stands between a writer and the seal. */
export const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

type Options = ConstructorParameters<typeof World>[0];

/** A failed wait is a violation, and the oracle reports which file is where. */
export function adversary(
  name: string,
  options: Options,
  act: (world: World, plan: AdversaryPlan, report: AdversaryReport) => Promise<void>,
): Adversary {
  return {
    name,
    async run(plan) {
      const report = nothingYet();
      await inWorldOf({ ...options, seed: plan.seed }, report, (world) => act(world, plan, report));
      return report;
    },
  };
}

/** One of several worlds of an adversary. KEEP_WORLD leaves it, with the logs of its programs; KEEP_VIOLATED where it has violations. */
export async function inWorldOf(
  options: Options,
  report: AdversaryReport,
  act: (world: World) => Promise<void>,
): Promise<void> {
  const world = new World(options);
  const before = report.violations.length;
  try {
    await act(world);
  } catch (error) {
    await world.killAll();
    report.violations.push({ kind: 'stuck', what: String((error as Error).message).slice(0, 1_500) });
    report.violations.push(...world.differences({ settled: false }).slice(0, 20));
  } finally {
    const { KEEP_WORLD, KEEP_VIOLATED } = process.env;
    const keep = KEEP_WORLD !== undefined || (KEEP_VIOLATED !== undefined && report.violations.length > before);
    if (keep)
      for (const { command, pid, lines } of world.programs)
        writeFileSync(join(world.root, `${basename(command)} ${pid}.log`), `${lines.join('\n')}\n`);
    await world.end({ keep });
  }
}

/** Regular files in the input, by name alone: a cheap check where 100,000 have gone through. */
export function namesLeft({ input }: World): string[] {
  const entries = readdirSync(input, { recursive: true, withFileTypes: true, encoding: 'latin1' });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(Buffer.from(input).toString('latin1'), join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('.ingest'));
}

/** The input is read first, then the jobs: a file that has left the input is seen among the jobs. */
export const isAllIn = (world: World): boolean =>
  namesLeft(world).length === 0 && underWay(world.statePath, world.feed().name) === 0;

const STUCK_MS = 180_000;
const ENDLESS_MS = 1_200_000;

/** Waits as long as anything goes on: slowness is the machine's, a standstill is ours. */
export async function allIn(
  world: World,
  isEnd: () => boolean = () => isAllIn(world),
  soFar: () => string = () => `${namesLeft(world).slice(0, 9)} in the input`,
): Promise<void> {
  let [last, changed] = ['', performance.now()];
  const isEndOrStuck = (): boolean => {
    if (isEnd()) return true;
    const now = performance.now();
    const at = `${namesLeft(world).length} ${doneAndOthers(world.statePath, world.feed().name)}`;
    if (at !== last) [last, changed] = [at, now];
    if (now - changed > STUCK_MS) throw new Error(`nothing goes on, and not all is in: ${soFar()}`);
    return false;
  };
  await until('all is in', isEndOrStuck, { withinMs: ENDLESS_MS, everyMs: 100, soFar });
}
