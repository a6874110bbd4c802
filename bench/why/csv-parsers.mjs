/**
 * Why Papa Parse reads csv, and what the engine makes of its speed: records a second of each parser alone, then of the chain
 * check + split on the same file in the same sitting, and of awk, which splits at commas without asking for quotes, and Miller (mlr), if it is there.
 * Usage: node why/csv-parsers.mjs [RECORDS], after npm run build and npm --prefix bench install.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, createReadStream, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeOrders } from '../harness/orders.mjs';

const require = createRequire(import.meta.url);
const CHUNK = 1 << 18;
const CHAIN = {
  format: 'csv',
  delimiter: ',',
  quote: '"',
  encoding: 'utf-8',
  start: 'check',
  steps: {
    check: { use: 'check', columns: { amount: { type: 'number', required: true } }, next: 'split', else: 'reject' },
    split: { use: 'split', by: 'country' },
  },
  outputsMax: 100,
  recordBytesMax: 1 << 24,
};

function* chunksOf(path) {
  const fd = openSync(path);
  const chunk = Buffer.allocUnsafe(CHUNK);
  for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk)) yield chunk.subarray(0, count);
  closeSync(fd);
}

const streamed = (path, through) =>
  new Promise((resolve, reject) => {
    let records = 0;
    const count = () => void records++;
    createReadStream(path, { highWaterMark: CHUNK })
      .pipe(through)
      .on('data', count)
      .on('end', () => resolve(records))
      .on('error', reject);
  });

/** Each answers how many records it met. */
const PARSERS = {
  papaparse(path) {
    const { Parser } = require('papaparse');
    let records = 0;
    let used = 0;
    const step = ({ meta }) => {
      records++;
      used = meta.cursor;
    };
    const parser = new Parser({ delimiter: ',', newline: '\n', quoteChar: '"', step });
    let rest = '';
    for (const chunk of chunksOf(path)) {
      const text = rest + chunk.toString('latin1');
      parser.parse(text, 0, true);
      rest = text.slice(used);
    }
    return records;
  },
  async 'csv-parse'(path) {
    const { parse } = require('csv-parse');
    return streamed(path, parse({ info: true, record_delimiter: ['\n', '\r\n'] }));
  },
  udsv(path) {
    const { inferSchema, initParser } = require('udsv');
    let parser;
    let records = 1;
    for (const chunk of chunksOf(path)) {
      const text = chunk.toString('latin1');
      parser ??= initParser(inferSchema(text));
      parser.chunk(text, parser.stringArrs, () => void records++);
    }
    parser.end();
    return records;
  },
  'csv-parser': (path) => streamed(path, require('csv-parser')({ headers: false })),
  '@fast-csv/parse': (path) => streamed(path, require('@fast-csv/parse').parse()),
  async 'check + split'(path, directory) {
    const { processFile } = await import('../../dist/src/process/process-file.js');
    const file = { job: 'B', path, name: 'b.csv', size: statSync(path).size, directory, claim: 1, minFreeBytes: 0 };
    const answer = await processFile({ options: CHAIN }, file, () => {});
    return answer.report.records + 1;
  },
  awk(path, directory) {
    const program = `{ records++; if ($3 ~ /^[0-9.]+$/) print > ("${directory}/" $2 ".awk") } END { print records }`;
    return Number(spawnSync('awk', ['-F,', program, path], { encoding: 'utf8' }).stdout);
  },
  mlr(path, directory) {
    const program = `@records += 1; if (is_numeric($amount)) { tee > "${directory}/".$country.".mlr", $* } end { emit @records }`;
    const { stdout } = spawnSync('mlr', ['--icsv', '--ocsv', 'put', '-q', program, path], { encoding: 'utf8' });
    return Number(stdout?.split('\n')[1]) + 1; // and the header
  },
};

async function one(name, path) {
  const directory = mkdtempSync(join(tmpdir(), 'csv-out-'));
  const began = performance.now();
  const records = await PARSERS[name](path, directory);
  const ms = performance.now() - began;
  rmSync(directory, { recursive: true });
  const mib = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${name.padEnd(16)} ${String(Math.round(records / ms)).padStart(6)},000 records/s ${String(mib).padStart(5)} MiB  ${records} records`,
  );
}

const [first = '2000000', path] = process.argv.slice(2);
if (path !== undefined) await one(first, path);
else {
  const directory = mkdtempSync(join(tmpdir(), 'csv-'));
  for (const quotes of [false, true]) {
    const file = join(directory, 'in.csv');
    writeOrders(file, Number(first), { quotes });
    console.log(`\n${quotes ? 'with' : 'without'} quotes, ${statSync(file).size} bytes`);
    // A process each, so that none is slower for what was before it.
    for (const name of Object.keys(PARSERS))
      spawnSync(process.execPath, [fileURLToPath(import.meta.url), name, file], { stdio: 'inherit' });
  }
  rmSync(directory, { recursive: true });
}
