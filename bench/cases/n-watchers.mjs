/**
 * n: watchers of a tree of many directories, ours and those that Node programs use: start, memory, idle, latency of an
 * event, and a storm of files, of which none may be lost.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { filesOf } from '../harness/options.mjs';
import { PACKAGE } from '../harness/package.mjs';
import { Run } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { percentile } from '../harness/statistics.mjs';
import { inWorld } from '../harness/world.mjs';

const WATCHERS = join(PACKAGE, 'bench/peers/watchers');
const FOLDERS_IN_ONE = 100;
const IDLE_S = 3;
/** Files whose latency is measured, one after the other. */
const SINGLE_FILES = 300;
const SINGLE_EVERY_MS = 10;
const SETTLE_MS = 1_000;
/** A storm is over when nothing new was told for so long. */
const SILENCE_MS = 5_000;
const LOOK_MS = 200;
const STORM_FOLDERS = 1_000;
const MB = 1_048_576;

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const CONTESTANTS = [
  { id: 'product', title: 'atomic-ingestor/watcher, inotify', kind: 'product', adapter: 'product' },
  {
    ...{ id: 'chokidar', peer: 'chokidar', title: 'chokidar 6', kind: 'peer', adapter: 'chokidar' },
    lacks: ['drops the overflow of the kernel’s event queue: what was in it stays untold'],
  },
  {
    ...{ id: 'parcel', peer: 'parcel', title: '@parcel/watcher 2.6', kind: 'peer', adapter: 'parcel' },
    lacks: ['reads the overflow of the kernel’s event queue and skips it'],
  },
  {
    ...{ id: 'fs-watch', peer: 'fs-watch', title: 'fs.watch, recursive', kind: 'peer', adapter: 'fs-watch' },
    lacks: ['reports only a name, and no overflow'],
  },
];

/** Answers all directories. */
function plant(world, count) {
  const groups = Math.ceil(count / FOLDERS_IN_ONE);
  const all = [];
  for (let n = 0; all.length < count; n++) {
    const group = join(world.input, `group-${n % groups}`);
    const path = n < groups ? group : join(group, `branch-${n}`);
    mkdirSync(path);
    all.push(path);
  }
  return all;
}

class Host {
  #run;

  constructor({ adapter }, world) {
    const args = ['--expose-gc', join(WATCHERS, 'host.mjs'), join(WATCHERS, `${adapter}.mjs`), world.input];
    this.#run = new Run({ file: process.execPath, args }, { stdin: 'pipe' });
  }

  async said(word) {
    const line = await this.#run.line((text) => text.startsWith(word), 120_000);
    return JSON.parse(line.slice(word.length) || 'null');
  }

  ask(question, word) {
    const answer = this.said(word);
    this.#run.tell(`${question}\n`);
    return answer;
  }

  get run() {
    return this.#run;
  }
}

async function started(host, directories) {
  const { seconds, before, ready, after } = await host.said('ready');
  return {
    startS: seconds,
    startMb: ready / MB,
    bytesADirectory: (after - before) / directories,
  };
}

async function idle({ run }) {
  const look = () => ({ ...run.cpu(), at: performance.now() });
  const before = look();
  await sleep(IDLE_S * 1000);
  const after = look();
  return { idlePercent: ((after.cpuS - before.cpuS) / (after.at - before.at)) * 100_000 };
}

/** From before a file is made until it is told. */
async function latency(host, directories, report) {
  await host.ask('begin', 'begun');
  const made = new Map();
  for (let n = 0; n < SINGLE_FILES; n++) {
    const path = join(directories[(n * 37) % directories.length], `single-${n}`);
    made.set(path, nowMs());
    writeFileSync(path, 'content\n');
    await sleep(SINGLE_EVERY_MS);
  }
  await sleep(SETTLE_MS);
  await host.ask(`report ${report}`, 'reported');
  const told = new Map(JSON.parse(readFileSync(report, 'utf8')));
  const times = [...made].filter(([path]) => told.has(path)).map(([path, at]) => told.get(path) - at);
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

async function storm(host, directories, files, list) {
  writeFileSync(list, directories.slice(0, STORM_FOLDERS).join('\n'));
  await host.ask('begin', 'begun');
  const writer = new Run(
    { file: process.execPath, args: [join(WATCHERS, 'storm.mjs'), `${files}`, list] },
    { sample: false },
  );
  try {
    const line = await writer.line((text) => text.startsWith('stormed'));
    const { beganMs, endedMs } = JSON.parse(line.slice('stormed'.length));
    let told = await host.ask('count', 'counted');
    while (told.paths < files && nowMs() - Math.max(told.lastMs, endedMs) < SILENCE_MS) {
      await sleep(LOOK_MS);
      told = await host.ask('count', 'counted');
    }
    const { paths, lastMs, overflows } = told;
    return {
      lost: files - paths,
      lateS: Math.max(0, lastMs - endedMs) / 1000,
      toldPerS: (paths / (lastMs - beganMs)) * 1000,
      overflows,
      ...(paths < files && { faults: `${files - paths} of ${files} files of the storm never reported` }),
    };
  } finally {
    await writer.end();
  }
}

async function watched(contestant, options, files) {
  return inWorld(options, async (world) => {
    const directories = plant(world, options.directories);
    const host = new Host(contestant, world);
    try {
      const start = await started(host, directories.length);
      await sleep(SETTLE_MS);
      const quiet = await idle(host);
      const single = await latency(host, directories, join(world.base, 'report'));
      const stormed = await storm(host, directories, files, join(world.base, 'list'));
      return { ...start, ...quiet, ...single, ...stormed, peakMb: host.run.usage().peakProcessMb };
    } finally {
      await host.run.end();
    }
  });
}

export default {
  title: 'Watchers',
  columns: [
    { key: 'startS', label: 'start, s' },
    { key: 'startMb', label: 'MB, started' },
    { key: 'bytesADirectory', label: 'bytes a directory' },
    { key: 'idlePercent', label: 'idle, % of a core' },
    { key: 'p50', label: 'an event, p50 ms' },
    { key: 'p99', label: 'p99 ms' },
    { key: 'lost', label: 'lost of the storm' },
    { key: 'lateS', label: 'reported after its end, s' },
    { key: 'toldPerS', label: 'files reported/s' },
    { key: 'peakMb', label: 'peak MB' },
  ],
  chart: { key: 'lost', label: 'files of the storm that were never reported' },
  best: [{ id: 'chokidar', key: 'toldPerS' }],

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = options.rounds ?? 3;
    const contestants = chosen(CONTESTANTS, options);
    const rows = await sitting({ rounds, contestants, tell }, (contestant) => watched(contestant, options, files));
    const unit = `directories, a storm of ${files.toLocaleString('en-US')} files`;
    return { files: options.directories, rounds, rows, unit, storm: files };
  },
};
