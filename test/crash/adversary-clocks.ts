/**
 * Clocks: the wall clock of all processes jumps by an hour and by thirty days, forwards and back, while files wait for
 * their windows and are on their way.
 * Guarantees: the time of each line is one that the clock showed while its file was under way, and its hour folder belongs to
 * that time.
 * Does not: move the clock of the filesystem; times of files stay the kernel's.
 */
import { join } from 'node:path';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import type { AdversaryPlan, AdversaryReport } from './adversary.js';
import { adversary } from './adversary-world.js';
import { Control, compilePreload } from './control.js';
import { dice } from './dice.js';
import type { Found } from './mutants-world.js';

const HOUR = 3_600_000;
const JUMPS = [HOUR, -HOUR, 720 * HOUR, -720 * HOUR];
const OPTIONS = { stabilitySeconds: 0.3, quietMs: 0, workers: 'all=2' };

export const clocks = adversary('clocks', { options: OPTIONS }, async (world, plan, report) => {
  report.violations.push(...(await jump(world, plan, report)));
});

async function jump(world: World, plan: AdversaryPlan, report: AdversaryReport): Promise<Found[]> {
  const library = compilePreload(world.root);
  if (library === undefined) {
    report.notTested.push('There is no gcc: jumps of the clock were not tested.');
    return [];
  }
  const control = new Control(join(world.root, 'control'));
  const env = { ...plan.env, LD_PRELOAD: library, CRASH_CONTROL: control.path };
  const below = dice(`${plan.seed} clocks`);
  const ingest = world.start('ingest', [], { env });
  await until('all are ready', () => world.log.named('worker_started').length === 3, { withinMs: 240_000 });
  const found: Found[] = [];
  let offsetMs = 0;
  let jumps = 0;
  for (let turn = 0; turn < (plan.full ? 12 : 1); turn++)
    for (const by of [...JUMPS].sort(() => below(2) - 0.5)) {
      const [before, after] = [offsetMs, offsetMs + by];
      const begunMs = Date.now();
      for (let n = 0; n < 15; n++) world.drop(`${jumps}-${n}.csv`, 300);
      await until('some files to have jobs', () => world.jobs().length > jumps * 30, { withinMs: 30_000 });
      control.set('wall_ns', after * 1e6);
      offsetMs = after;
      for (let n = 15; n < 30; n++) world.drop(`${jumps}-${n}.csv`, 300);
      await world.stored(undefined, { withinMs: 240_000 });
      await world.allDone({ withinMs: 240_000 });
      found.push(...timesWrong(world, `${jumps}-`, [before, after], begunMs));
      jumps++;
    }
  await ingest.stop(120_000);
  await world.runOnce([], { env });
  report.figures = {
    jumps,
    files: world.dropped.length,
    hours: new Set(world.survey().lines.map(({ file }) => file)).size,
  };
  control.close();
  const temporary = world.survey().temporary.map(({ path }) => ({ kind: 'left_over', what: path }));
  return [...found, ...temporary, ...world.differences()];
}

/** Lines of one jump's files with a wrong time: it must lie between the jump's beginning and now, by the clock before or after it. */
function timesWrong(world: World, prefix: string, offsets: readonly number[], begunMs: number): Found[] {
  const found: Found[] = [];
  const endMs = Date.now();
  for (const { record, file, target } of world.survey().lines) {
    if (!record?.path.startsWith(join(world.input, prefix))) continue;
    const at = new Date(record.ingested_at).getTime();
    // The files of the second half came after the jump.
    const isLate = Number(/-(\d+)\.csv$/.exec(record.path)![1]) >= 15;
    const isShown = offsets
      .slice(isLate ? 1 : 0)
      .some((offset) => at >= begunMs + offset - 1_000 && at <= endMs + offset + 1_000);
    if (!isShown) found.push({ kind: 'wrong_time', what: `${target} at ${record.ingested_at}, which no clock showed` });
    const [day, hour] = [new Date(at).toISOString().slice(0, 10), new Date(at).toISOString().slice(11, 13)];
    if (!file.endsWith(`${day.replaceAll('-', '/')}/${hour}/manifest.jsonl`))
      found.push({ kind: 'wrong_time', what: `${record.ingested_at} stands in ${file}` });
    if (!target.startsWith(`ingest_date=${day}/`))
      found.push({ kind: 'wrong_time', what: `${record.ingested_at} lies in ${target}` });
  }
  return found;
}
