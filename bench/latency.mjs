/**
 * How long from a file's rename into the input (its sidecar is there already) until it lies in the warehouse.
 * (The rename makes the file newer than its sidecar, so the window counts too: it is 0 here.)
 * Prints p50, p95, p99 and the longest of N files, one at a time, a pause between them.
 * Usage: node bench/latency.mjs [FILES=200]
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const files = Number(process.argv[2] ?? 200);
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'ingest-latency-'));
const [input, upload, warehouse, manifests] = ['in', 'upload', 'warehouse', 'manifests'].map((name) => {
  const folder = path.join(root, name);
  fs.mkdirSync(folder);
  return folder;
});

const ingest = spawn(
  path.join(import.meta.dirname, '../bin/ingest'),
  [
    '--input',
    input,
    '--warehouse',
    warehouse,
    '--manifests',
    manifests,
    '--mode',
    'sidecar',
    '--stability-seconds',
    '0',
    '--state-path',
    path.join(root, 'state/state.db'),
  ],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
const stored = new Map();
const waiting = new Map();
let rest = '';
ingest.stderr.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines.filter((text) => text.includes('"file_ingested"'))) {
    const { path: name } = JSON.parse(line);
    stored.set(name, performance.now());
    waiting.get(name)?.();
  }
});

async function drop(name) {
  const target = path.join(input, name);
  const done = new Promise((resolve) => waiting.set(target, resolve));
  fs.writeFileSync(path.join(upload, name), `${name},${Math.random()}\n`);
  fs.writeFileSync(`${target}.ok`, '');
  const started = performance.now();
  fs.renameSync(path.join(upload, name), target);
  await done;
  return stored.get(target) - started;
}

await drop('warm-up.csv');
const times = [];
for (let n = 0; n < files; n++) {
  times.push(await drop(`file-${n}.csv`));
  await sleep(20);
}
times.sort((a, b) => a - b);
const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
console.log(
  `${files} files, rename-in to stored, ms: p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, longest ${times.at(-1).toFixed(1)}`,
);
ingest.kill('SIGTERM');
await new Promise((resolve) => ingest.once('exit', resolve));
fs.rmSync(root, { recursive: true, force: true });
