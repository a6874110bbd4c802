/** One whole pipeline from a full input to a full warehouse: timed, judged, and in a run of its own counted. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultsOf, judge } from './correct.mjs';
import { canTrace, perThousand, tally, traced } from './count.mjs';
import { measured } from './run.mjs';
import { inWorld } from './world.mjs';

/** Of the product too, a run that hangs has to end. */
const PRODUCT_LIMIT_MS = 3_600_000;

/**
 * `fill(world, files)` makes the input and answers the digests that must arrive. Answers seconds, files/s, CPU, memory and
 * whether all arrived, with what `inspect(world, processes)` adds. Errors: the product's result is not exact.
 */
export async function pipelineRun(contestant, { options, files, fill, across, inspect = () => ({}) }) {
  return inWorld(
    options,
    async (world) => {
      const expected = await filled(world, contestant, files, fill);
      const { processes, ...usage } = await timed(contestant, world, files, { options });
      const verdict = judge(world, expected);
      const faults = faultsOf(verdict);
      if (contestant.kind === 'product' && faults) throw new Error(`${contestant.title}: ${faults}`);
      const more = inspect(world, processes, files);
      return {
        files,
        filesPerS: verdict.stored / usage.seconds,
        ...usage,
        ...more,
        ...(faults && { faults, verdict }),
      };
    },
    { across },
  );
}

/** System calls, syncs and transactions for each 1,000 files; undefined where nothing can be traced. */
export async function counts(contestant, { options, fill, across }) {
  if (options.countFiles === 0 || contestant.missing?.() || !canTrace()) return undefined;
  const files = contestant.slowToTrace ? Math.min(options.countFiles, 1_000) : options.countFiles;
  return perThousand(files, (some, watch) =>
    inWorld(
      options,
      async (world) => {
        await filled(world, contestant, some, fill);
        return timed(contestant, world, some, { options, watch });
      },
      { across },
    ),
  );
}

async function filled(world, contestant, files, fill) {
  const expected = await fill(world, files, contestant);
  if (!contestant.unsettled) world.settle();
  return expected;
}

/** `watch`: counts instead of timing. */
async function timed(contestant, world, files, { options, watch }) {
  const service = await contestant.service?.(world, watch);
  try {
    const command = contestant.command(world, { files, service });
    const limitMs = contestant.kind === 'product' ? PRODUCT_LIMIT_MS : (watch ? 10 : 1) * options.limitSeconds * 1000;
    const usage = await measured(watch ? traced(command, world, watch) : command, {
      ...{ log: world.log, beside: service?.run, limitMs },
    });
    if (!watch) return lessWhatItWaitedFor(usage, world);
    await service?.stop();
    return together(await tally(world, watch), service && (await tally(world, watch, service.name)));
  } finally {
    await service?.run.end();
  }
}

/** A peer that lost a task waits for it in vain, and says how long: that is not its speed. */
function lessWhatItWaitedFor(usage, world) {
  const report = join(world.state, 'report.json');
  if (!existsSync(report)) return usage;
  const { waitedS } = JSON.parse(readFileSync(report, 'utf8'));
  return { ...usage, seconds: usage.seconds - waitedS };
}

const together = (one, other) =>
  other ? Object.fromEntries(Object.entries(one).map(([name, count]) => [name, count + other[name]])) : one;
