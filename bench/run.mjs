/**
 * npm run bench: measures the product beside its peers, case by case, prints what it found and writes bench/results/ and
 * docs/benchmarks.md.
 * Exit codes: 0 measured, whatever the figures are; 1 the product's result was wrong; 2 wrong usage, or something is not installed.
 */
import { machine } from './harness/machine.mjs';
import { CASES, readOptions, Usage } from './harness/options.mjs';
import { notReady } from './harness/package.mjs';
import { peers } from './harness/peers.mjs';
import { writeReport } from './harness/report.mjs';
import { keep } from './harness/results.mjs';
import { tableOf } from './harness/tables.mjs';

const FILES = {
  a: 'a-small-files',
  b: 'b-large-files',
  c: 'c-one-large-file',
  d: 'd-discovery',
  e: 'e-rescan',
  f: 'f-restart',
  g: 'g-latency',
  h: 'h-queue',
  i: 'i-size',
  j: 'j-idle',
  k: 'k-growth',
  l: 'l-looking',
  m: 'm-years',
  n: 'n-watchers',
  o: 'o-mirror',
  p: 'p-publish',
  q: 'q-processed',
  r: 'r-hosts',
};

const say = (text) => console.log(text);

async function main(argv) {
  const options = readOptions(argv);
  if (options.help) return say(options.help);
  const missing = notReady();
  if (missing) throw new Usage(missing);
  const cases = {};
  for (const name of CASES) cases[name] = (await import(`./cases/${FILES[name]}.mjs`)).default;
  if (!options.reportOnly) for (const name of options.cases) await measure(name, cases[name], options, argv);
  if (options.save) say(`written: ${await writeReport(cases)}`);
}

async function measure(name, { title, columns, run }, options, argv) {
  say(`\n${name}. ${title}`);
  const about = {
    case: name,
    command: commandOf(name, argv),
    when: new Date().toISOString(),
    machine: machine(options.root),
    peers: peers(),
  };
  const result = { ...about, ...(await run(options, say)) };
  say(`\n${tableOf({ rows: result.rows, columns })}`);
  if (options.save) say(`kept: ${keep(result)}`);
}

/** What repeats this case alone, anywhere: without the places of this machine. */
function commandOf(name, argv) {
  const own = /^--(?:case|root|across|lock)(?:=|$)/;
  const others = argv.filter((word, n) => !own.test(word) && !(own.test(argv[n - 1]) && !argv[n - 1].includes('=')));
  return ['npm run bench -- --case', name, ...others].join(' ');
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Usage ? error.message : error);
  process.exitCode = error instanceof Usage ? 2 : 1;
});
