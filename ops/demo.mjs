#!/usr/bin/env node
/**
 * npm run demo: drops a mixed set of files into two feeds of a running ingestor, in a temporary directory, prints what
 * happens, and ends with a summary that is counted from manifest and warehouse, not from log lines.
 * Exit code 0 when everything ended where it should. KEEP=1 leaves the directory.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../', import.meta.url));
const DEADLINE_MS = 60_000;
const root = mkdtempSync(join(tmpdir(), 'ingest-demo-'));
const began = performance.now();

/** The feeds, and the uploads into each: a script of ops/simulate with its options. */
const FEEDS = {
  quiet: { mode: 'stability', 'stability-seconds': 1 },
  signed: { mode: 'sidecar' },
};
const DROPS = [
  ['quiet', 'a slow copy: 6 chunks, half a second apart', 'slow-copy', '--chunks', '6', '--pause-seconds', '0.5'],
  ['quiet', 'written as renamed.csv.tmp, renamed when done', 'rename-when-done', '--pause-seconds', '0.4'],
  [
    'quiet',
    'report.csv, and 3 s later the same content again as report-resent.csv',
    'duplicate-resend',
    '--pause-seconds',
    '3',
  ],
  [
    'signed',
    'with-sidecar.csv, its sidecar (with the SHA-256) comes 2 s later',
    'late-sidecar',
    '--pause-seconds',
    '2',
  ],
  [
    'signed',
    'broken.csv, whose sidecar names another SHA-256',
    'late-sidecar',
    '--name',
    'broken.csv',
    '--checksum',
    'wrong',
    '--pause-seconds',
    '1',
  ],
];
const EXPECTED = { file_ingested: 4, file_skipped_duplicate: 1, file_held: 1 };

const place = (feed, kind) => join(root, feed, kind);
const shown = (path) => relative(root, String(path));
function tell(who, text) {
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${who.padEnd(9)} ${text}\n`);
}

function configure() {
  const feeds = {};
  for (const [name, options] of Object.entries(FEEDS)) {
    for (const kind of ['input', 'warehouse', 'manifests']) mkdirSync(place(name, kind), { recursive: true });
    feeds[name] = {
      ...options,
      input: place(name, 'input'),
      warehouse: place(name, 'warehouse'),
      manifests: place(name, 'manifests'),
    };
  }
  const path = join(root, 'ingest.yaml');
  writeFileSync(path, JSON.stringify({ feeds }, null, 2)); // JSON is YAML
  return path;
}

/** The running ingestor: `seen` counts its events, `happened` resolves when enough of them were heard. */
function startIngestor(config) {
  const child = spawn(
    join(PACKAGE, 'bin/ingest'),
    ['--config', config, '--state-path', join(root, 'state', 'state.db')],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const seen = {};
  const others = [];
  let check = () => {};
  createInterface({ input: child.stderr }).on('line', (line) => {
    const event = asEvent(line);
    if (!event) others.push(line);
    else {
      seen[event.event] = (seen[event.event] ?? 0) + 1;
      const sentence = SENTENCES[event.event]?.(event);
      if (sentence) tell('ingestor', sentence);
    }
    check();
  });
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  const happened = (counts) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new Error(`not within ${DEADLINE_MS} ms: ${JSON.stringify(counts)}; heard: ${JSON.stringify(seen)}`)),
        DEADLINE_MS,
      );
      check = () => {
        if (Object.entries(counts).some(([name, count]) => (seen[name] ?? 0) < count)) return;
        clearTimeout(timer);
        resolve();
      };
      check();
      ended.then((how) => {
        clearTimeout(timer);
        reject(new Error(`the ingestor ended with ${how}:\n${others.join('\n')}`));
      });
    });
  return { child, ended, happened };
}

const SENTENCES = {
  watching: (e) => `watches ${shown(e.input)}`,
  file_ready: (e) => `${basename(e.path)} is complete`,
  file_ingested: (e) => `${basename(e.path)} is stored as ${shown(e.warehouse_path)}`,
  file_skipped_duplicate: (e) => `${basename(e.path)} is a duplicate of ${basename(String(e.duplicate_of))}`,
  file_held: (e) => `${basename(e.path)} is held (${e.code}): ${e.reason}`,
};

function asEvent(line) {
  try {
    const event = JSON.parse(line);
    return typeof event?.event === 'string' ? event : undefined;
  } catch {
    return undefined;
  }
}

function upstream([feed, what, script, ...options]) {
  tell('upstream', what);
  const child = spawn(join(PACKAGE, 'ops/simulate', script), [place(feed, 'input'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, bytes, name] = line.split(' ');
    tell('upstream', `${name} is delivered (${bytes} bytes)`);
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${script} ended with ${code}`))));
  });
}

const filesBelow = (directory) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name));

/** Reads manifest and warehouse as a consumer does. */
function summary() {
  let whole = 0;
  let lines = 0;
  for (const feed of Object.keys(FEEDS)) {
    for (const manifest of filesBelow(place(feed, 'manifests')).filter((path) => path.endsWith('/manifest.jsonl'))) {
      for (const line of readFileSync(manifest, 'utf8').trimEnd().split('\n')) {
        const record = JSON.parse(line);
        lines += 1;
        const path = join(
          record.warehouse_path.startsWith('/') ? '/' : place(feed, 'warehouse'),
          record.warehouse_path,
        );
        const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
        if (digest === record.sha256) whole += 1;
        tell(
          'manifest',
          `${basename(record.path)}: ${record.size} bytes, SHA-256 ${digest.slice(0, 12)}…, ${digest === record.sha256 ? 'as stored' : 'NOT as stored'}`,
        );
      }
    }
  }
  const work = (feed, folder) => filesBelow(join(dirname(place(feed, 'input')), '.input.ingest', folder)).length;
  const counts = { lines, whole, duplicates: work('quiet', 'duplicates'), held: work('signed', 'underprocess') };
  const left = Object.keys(FEEDS).flatMap((feed) => filesBelow(place(feed, 'input'))).length;
  process.stdout.write(
    `\n6 files dropped: ${whole} stored, each with its manifest line and the same bytes; ${counts.duplicates} duplicate put away;\n`,
  );
  process.stdout.write(
    `1 held until somebody decides (ingest-ctl held, retry, discard); ${left} left in the inputs.\n`,
  );
  return lines === 4 && whole === 4 && counts.duplicates === 1 && counts.held >= 1 && left === 0;
}

async function main() {
  const ingestor = startIngestor(configure());
  try {
    await ingestor.happened({ watching: 1 });
    await Promise.all(DROPS.map(upstream));
    await ingestor.happened(EXPECTED);
    ingestor.child.kill('SIGTERM');
    const how = await ingestor.ended;
    tell('ingestor', `ended with ${how}`);
    return summary() && how === 0;
  } finally {
    ingestor.child.kill('SIGKILL');
    if (process.env.KEEP) process.stdout.write(`everything lies in ${root}\n`);
    else rmSync(root, { recursive: true, force: true });
  }
}

process.exitCode = (await main()) ? 0 : 1;
