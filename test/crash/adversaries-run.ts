/** The adversaries by hand: `node dist/test/crash/adversaries-run.js [--only NAME] [--seed S] [--full]`; ends with 1 after a violation. */
import { parseArgs } from 'node:util';
import { ADVERSARIES, shown } from './adversaries.js';

const { values } = parseArgs({
  options: { only: { type: 'string' }, seed: { type: 'string' }, full: { type: 'boolean', default: false } },
});
const seed = values.seed ?? String(Date.now() % 1_000_000);
const chosen = ADVERSARIES.filter(({ name }) => values.only === undefined || name.includes(values.only));
if (chosen.length === 0) {
  process.stderr.write(`--only ${values.only}: there are ${ADVERSARIES.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}
process.stdout.write(`seed ${seed}\n`);
for (const { name, run } of chosen) {
  const begun = performance.now();
  const report = await run({ seed, full: values.full });
  process.stdout.write(`${shown(name, report).join('\n')}\n  ${((performance.now() - begun) / 1_000).toFixed(1)} s\n`);
  if (report.violations.length > 0) process.exitCode = 1;
}
