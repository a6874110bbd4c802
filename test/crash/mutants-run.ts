/** The mutants by hand: `node dist/test/crash/mutants-run.js [NAME|unchanged…]`; prints the table. */
import { judge, unchanged } from './mutants.js';
import { mutants } from './mutants-table.js';

const wanted = process.argv.slice(2);
const seed = process.env.SEED ?? String(Date.now());
const chosen = [undefined, ...mutants].filter(
  (mutant) => wanted.length === 0 || wanted.includes(mutant?.name ?? 'unchanged'),
);
process.stdout.write(`SEED=${seed}\n`);
for (const mutant of chosen) {
  const lines = mutant ? [await judge(mutant, seed)] : await unchanged(seed);
  for (const line of lines) process.stdout.write(`${line.name} | ${line.run} | ${line.seconds} s | ${line.verdict}\n`);
}
