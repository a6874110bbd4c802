/** The flags of the benchmark. Errors: one sentence with the flag and what it takes; exit code 2. */
import os from 'node:os';
import { parseArgs } from 'node:util';

export const CASES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r'];

const HELP = `Measures the product beside what others would use instead, in one sitting, and writes bench/results/ and docs/benchmarks.md.

Usage: npm run bench -- [options]

  --case a,b,…        which cases (${CASES.join(', ')}, or all; default: a)
  --files N           how many files, jobs or contents (default: 100000; b: 64, c: 1 large one, m: 20000000; operations of o: 20000; p: 20000; records of q: 2000000)
  --rounds N          interleaved rounds (default: 5; one where N is 1,000,000 or more)
  --peers NAME,…      only these peers beside the product; none: the product alone (default: all of a case)
  --mib N             size of a large file of b and p; that of c is 128 times as large (default: 64)
  --rates N,…         files a second of case g (default: 1,100,1000)
  --seconds N         how long each rate of g, and how long j is watched (default: g 30, j 600)
  --directories N     watched directories of j and n (default: 10000)
  --workers N,…       workers per stage of k (default: 1,2,4,8)
  --root DIR          where the files of the runs lie (default: the temporary directory)
  --across DIR        a directory on another filesystem, for b (default: /dev/shm)
  --limit-seconds N   a peer that would need longer runs at 10,000 files and is marked (default: 600)
  --count-files N     files of the traced runs that count system calls; 0: none (default: 10000)
  --lock FILE         who else measures on this machine locks it too (flock): m alone, whose making takes minutes
  --no-save           prints only: neither results nor docs/benchmarks.md are written
  --report            measures nothing, writes docs/benchmarks.md from the results that are there
`;

const FLAGS = {
  case: { type: 'string', default: 'a' },
  files: { type: 'string' },
  rounds: { type: 'string' },
  peers: { type: 'string' },
  mib: { type: 'string', default: '64' },
  rates: { type: 'string', default: '1,100,1000' },
  seconds: { type: 'string' },
  directories: { type: 'string', default: '10000' },
  workers: { type: 'string', default: '1,2,4,8' },
  root: { type: 'string', default: os.tmpdir() },
  across: { type: 'string', default: '/dev/shm' },
  'limit-seconds': { type: 'string', default: '600' },
  'count-files': { type: 'string', default: '10000' },
  lock: { type: 'string' },
  'no-save': { type: 'boolean', default: false },
  report: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

export class Usage extends Error {}

export function readOptions(argv) {
  const { values } = parsed(argv);
  if (values.help) return { help: HELP };
  const cases = values.case === 'all' ? CASES : list(values.case);
  const unknown = cases.find((name) => !CASES.includes(name));
  if (unknown !== undefined) throw new Usage(`--case ${unknown}: there is none; take of ${CASES.join(', ')}, or all`);
  return {
    cases,
    files: optional(values, 'files'),
    rounds: optional(values, 'rounds'),
    peers: values.peers === undefined ? undefined : list(values.peers).filter((name) => name !== 'none'),
    mib: number(values, 'mib'),
    rates: list(values.rates).map((one) => whole('rates', one)),
    seconds: optional(values, 'seconds'),
    directories: number(values, 'directories'),
    workers: list(values.workers).map((one) => whole('workers', one)),
    root: values.root,
    across: values.across,
    limitSeconds: number(values, 'limit-seconds'),
    countFiles: whole('count-files', values['count-files'], 0),
    lock: values.lock,
    save: !values['no-save'],
    reportOnly: values.report,
  };
}

/** As many as were asked for, else as many as the case is usually run with. */
export const filesOf = (options, usual = 100_000) => options.files ?? usual;
export const roundsOf = (options, files) => options.rounds ?? (files >= 1_000_000 ? 1 : 5);

function parsed(argv) {
  try {
    return parseArgs({ args: argv, options: FLAGS, strict: true, allowPositionals: false });
  } catch (error) {
    throw new Usage(`${error.message.split('\n')[0]} (npm run bench -- --help lists all)`);
  }
}

const list = (text) => text.split(',').filter(Boolean);
const number = (values, name) => whole(name, values[name]);
const optional = (values, name) => (values[name] === undefined ? undefined : number(values, name));

function whole(name, text, least = 1) {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < least)
    throw new Usage(`--${name} takes a whole number from ${least}, not ${text}`);
  return value;
}
