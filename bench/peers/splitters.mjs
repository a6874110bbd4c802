/** Tools that check and split one csv today, run by hand or from cron. The rejected records have an output of their own. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { PROGRAMS } from '../harness/package.mjs';

const LACKS = [
  'takes a file that is still being written',
  'a file that is run again is written again',
  'a crash leaves outputs that are begun, and nothing says which',
];

const WITH_MILLER = `if (is_numeric($amount)) { tee > ENV["OUT"]."/".$country.".csv", $* } else { tee > ENV["OUT"]."/reject.csv", $* }`;

export const miller = {
  ...{ id: 'miller', peer: 'miller', title: 'Miller: put, tee', kind: 'peer', lacks: LACKS },
  missing() {
    try {
      execFileSync('mlr', ['--version'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'mlr is not installed (Debian: miller)';
    }
  },
  command: ({ input, warehouse }) => ({
    file: 'mlr',
    args: ['--icsv', '--ocsv', '--from', join(input, 'orders.csv'), 'put', '-q', WITH_MILLER],
    env: { OUT: warehouse },
  }),
};

export const duckdb = {
  ...{ id: 'duckdb', peer: 'duckdb', title: 'DuckDB: read_csv, COPY … PARTITION_BY', kind: 'peer', lacks: LACKS },
  command: ({ input, warehouse }) => ({
    file: process.execPath,
    args: [join(PROGRAMS, 'duckdb.mjs'), join(input, 'orders.csv'), join(warehouse, 'split')],
  }),
};
