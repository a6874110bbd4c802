/** The mutants by hand: `node dist/test/crash/mutants-run.js [NAME|unchanged…]`; prints the table. */
import { allRuns, type Judged, judge, unchanged } from './mutants.js';
import { mutants } from './mutants-table.js';

const wanted = process.argv.slice(2);
const seed = process.env.SEED ?? String(Date.now());
process.stdout.write(`SEED=${seed}\n`);

const tell = ({ name, run, untested, found, harm, rounds, seconds }: Judged): void => {
  const first = found.find(({ kind }) => harm.includes(kind)) ?? found[0];
  const what =
    untested ??
    `${harm.join(', ') || 'no harm'} (${first ? `${first.kind}: ${first.what.slice(0, 160)}` : 'no violation'})`;
  process.stdout.write(`${name} | ${run} | after ${rounds} | ${seconds} s | ${what}\n`);
};
for (const mutant of mutants.filter(({ name }) => wanted.length === 0 || wanted.includes(name)))
  tell(await judge(mutant, seed));
if (wanted.length === 0 || wanted.includes('unchanged')) for (const run of allRuns()) tell(await unchanged(run, seed));
