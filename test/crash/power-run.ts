/** Power cuts by hand: `node dist/test/crash/power-run.js CUTS [SEED] [LAYOUT] [TYPE]`; MINUTES bounds it. */
import { powerCuts } from './power.js';
import { type DiskType, whyNoPowerCuts } from './power-disks.js';
import type { Layout } from './power-plan.js';

const [cuts = '100', seed = String(Date.now()), layout, type] = process.argv.slice(2);
const why = whyNoPowerCuts();
if (why) {
  process.stderr.write(`${why}\n`);
} else {
  const minutes = Number(process.env.MINUTES ?? 600);
  const report = await powerCuts({
    seed,
    cuts: Number(cuts),
    ...(layout && layout !== '-' && { layout: layout as Layout }),
    ...(type && { type: type as DiskType }),
    until: Date.now() + minutes * 60_000,
    tell: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify({ seed, ...report }, null, 1)}\n`);
  if (report.violations.length > 0) process.exitCode = 1;
}
