/** Frozen instants by hand: `node dist/test/crash/frozen-run.js MOMENTS [SEED]`; MINUTES bounds it. */
import { frozenInstants } from './frozen.js';

const [moments = '1000', seed = String(Date.now())] = process.argv.slice(2);
const until = Date.now() + Number(process.env.MINUTES ?? 600) * 60_000;
const report = await frozenInstants({ seed, moments: Number(moments), until });
process.stdout.write(`${JSON.stringify({ seed, ...report }, null, 1)}\n`);
if (report.violations.length > 0) process.exitCode = 1;
