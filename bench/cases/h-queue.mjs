/** h: the queue engine alone: enqueue, then claim and settle with the next stage; singly and in batches, one and four processes. */
import { join } from 'node:path';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { PROGRAMS } from '../harness/package.mjs';
import { Run } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { inWorld } from '../harness/world.mjs';
import { postgresMissing, startPostgres } from '../peers/postgres.mjs';
import { redisMissing, startRedis } from '../peers/redis.mjs';

const BATCH = 1_000;
/** One at a time is slow by nature: so many of the jobs. */
const SINGLE_SHARE = 0.1;

const LACKS = {
  plainjob: [
    'synchronous=NORMAL: a power cut takes jobs acknowledged as done; claims one job at a time; a job of a dead process comes back after 30 minutes; no fence for a late settlement',
  ],
  'better-queue': ['loses tasks without a crash; synchronous=OFF; a queue of one process'],
  bullmq: ['Redis keeps a snapshot now and then: done and next are two steps, and a power cut takes either'],
  'pg-boss': [
    'a server to run; no fence for a late settlement unless the attempt is passed; a dead process is noticed after 15 minutes',
  ],
  'graphile-worker': [
    'a server to run; done and next are two transactions; a job of a dead process comes back after 4 hours',
  ],
};

const SERVICES = {
  bullmq: { missing: redisMissing, service: startRedis },
  'pg-boss': { missing: postgresMissing, service: startPostgres },
  'graphile-worker': { missing: postgresMissing, service: startPostgres },
};

const idOf = (name, batch, processes) => `${name}-${batch > 1 ? 'batch' : 'single'}-${processes}`;

/** Each peer is held against the product that works as it does: in batches or singly, in as many processes. */
const engine = (name, title, { batch = 1, processes = 1 } = {}) => ({
  ...{ id: idOf(name, batch, processes), against: idOf('product', batch, processes), title },
  ...{ engine: name, batch, processes, kind: name === 'product' ? 'product' : 'peer', peer: name, lacks: LACKS[name] },
  ...SERVICES[name],
});

const CONTESTANTS = [
  engine('product', 'Atomic Ingestor, batches of 1,000', { batch: BATCH }),
  engine('product', 'the same, four processes', { batch: BATCH, processes: 4 }),
  engine('product', 'the same, singly'),
  engine('product', 'the same, singly, four processes', { processes: 4 }),
  engine('plainjob', 'plainjob, enqueued in batches', { batch: BATCH }),
  engine('plainjob', 'plainjob, singly'),
  engine('plainjob', 'plainjob, singly, four processes', { processes: 4 }),
  engine('better-queue', 'better-queue + better-queue-sqlite, batches of 1,000', { batch: BATCH }),
  engine('better-queue', 'better-queue + better-queue-sqlite, singly'),
  engine('bullmq', 'BullMQ, in bulk, 100 at once', { batch: BATCH }),
  engine('bullmq', 'BullMQ, singly'),
  engine('bullmq', 'BullMQ, singly, four processes', { processes: 4 }),
  engine('pg-boss', 'pg-boss, batches of 1,000', { batch: BATCH }),
  engine('pg-boss', 'pg-boss, singly'),
  engine('pg-boss', 'pg-boss, singly, four processes', { processes: 4 }),
  engine('graphile-worker', 'graphile-worker, in bulk, 100 at once', { batch: BATCH }),
  engine('graphile-worker', 'graphile-worker, singly'),
  engine('graphile-worker', 'graphile-worker, singly, four processes', { processes: 4 }),
];

async function race({ engine: name, batch, processes, service: start, kind }, options, files) {
  const jobs = batch > 1 ? files : Math.max(100, Math.floor(files * SINGLE_SHARE));
  return inWorld(options, async (world) => {
    const service = await start?.(world);
    const place = service?.place ?? world.state;
    try {
      const enqueued = await phase([name, 'enqueue', place, `${jobs}`, `${batch}`], 1, service, options);
      world.settle();
      const settled = await phase([name, 'work', place, `${jobs}`, `${batch}`], processes, service, options);
      const lost = jobs - settled.jobs;
      if (kind === 'product' && lost !== 0) throw new Error(`${settled.jobs} of ${jobs} jobs were settled`);
      return {
        ...{ jobs, enqueuePerS: enqueued.perS, settlePerS: settled.perS, cpuUsPerJob: settled.cpuUsPerJob },
        ...(lost !== 0 && { faults: `${lost > 0 ? `${lost} jobs lost` : `${-lost} jobs done twice`}` }),
      };
    } finally {
      await service?.end();
    }
  });
}

/** All processes are ready before one begins: what starting them costs is not counted. */
async function phase(args, processes, service, { limitSeconds }) {
  const limitMs = limitSeconds * 1000;
  const command = { file: process.execPath, args: [join(PROGRAMS, 'queue.mjs'), ...args] };
  const runs = Array.from({ length: processes }, () => new Run(command, { stdin: 'pipe', beside: service?.run }));
  try {
    await Promise.all(runs.map((run) => run.line((line) => line === 'ready', limitMs)));
    const all = service?.run.group.procs.length > 0 ? [service.run] : runs;
    const cpu = () => all.reduce((sum, run) => sum + run.cpu().cpuS, 0);
    const before = cpu();
    const said = runs.map((run) => run.line((line) => line.startsWith('{'), limitMs));
    for (const run of runs) run.tell('go\n');
    const done = (await Promise.all(said)).map((line) => JSON.parse(line));
    const jobs = done.reduce((sum, one) => sum + one.jobs, 0);
    const seconds = (Math.max(...done.map((one) => one.endMs)) - Math.min(...done.map((one) => one.startMs))) / 1000;
    return { jobs, perS: jobs / seconds, cpuUsPerJob: ((cpu() - before) / jobs) * 1e6 };
  } finally {
    for (const run of runs) await run.end();
  }
}

export default {
  title: 'The queue engine alone',
  columns: [
    { key: 'enqueuePerS', label: 'enqueued/s' },
    { key: 'settlePerS', label: 'claimed, settled, next enqueued: jobs/s', ratio: true },
    { key: 'cpuUsPerJob', label: 'CPU µs a settled job' },
  ],
  chart: { key: 'settlePerS', label: 'jobs/s, settled with the next enqueued', log: true },
  best: [{ id: 'plainjob-single-1', of: 'product-batch-1', key: 'settlePerS' }],

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = roundsOf(options, files);
    const contestants = chosen(CONTESTANTS, options);
    const rows = await sitting({ rounds, contestants, tell }, (contestant) => race(contestant, options, files));
    return { files, rounds, rows, unit: 'jobs (a tenth of them singly)' };
  },
};
