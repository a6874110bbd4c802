/** g: from a file's rename into the input (its sidecar is there) until it is told as stored; idle, and beside a backlog. */
import { dropAtRate } from '../harness/dropping.mjs';
import { makeSmall, quietForASecond } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { percentile } from '../harness/statistics.mjs';
import { inWorld } from '../harness/world.mjs';
import { bullmqService } from '../peers/bullmq.mjs';
import { ingestService } from '../peers/product.mjs';
import { pythonService } from '../peers/python.mjs';

const SECONDS = 30;
const BACKLOG_FILES = 100_000;

const contestantsAt = (rate) => [
  { ...ingestService, id: `product-${rate}`, title: `Atomic Ingestor, ${rate}/s`, rate },
  {
    ...{ ...ingestService, id: `product-${rate}-backlog`, rate, backlog: true },
    title: `Atomic Ingestor, ${rate}/s, beside a backlog in another feed`,
  },
  { ...pythonService, id: `python-${rate}`, title: `plain Python, a scan a second, ${rate}/s`, rate },
  { ...bullmqService, id: `bullmq-${rate}`, title: `chokidar (awaitWriteFinish) + BullMQ, ${rate}/s`, rate },
];

async function latencies({ start, rate, backlog, kind }, options, backlogFiles) {
  return inWorld(options, async (world) => {
    if (backlog) {
      makeSmall(world.folder('backlog'), backlogFiles);
      world.settle();
      await quietForASecond();
    }
    const stored = new Map();
    let left = backlog ? backlogFiles : Number.POSITIVE_INFINITY;
    const live = await start(world, {
      backlog,
      onStored(path, feed) {
        if (feed === 'backlog') left -= 1;
        else stored.set(path, performance.now());
      },
    });
    try {
      const seconds = options.seconds ?? SECONDS;
      const dropped = await dropAtRate(world, { rate, seconds, stored, goOn: () => left > 0 });
      const all = [...dropped].map(([path, at]) => (stored.get(path) ?? Number.NaN) - at);
      const arrived = all.filter(Number.isFinite);
      const late = all.length - arrived.length;
      if (late > 0 && kind === 'product') throw new Error(`${late} of ${all.length} files were never told as stored`);
      const at = (share) => percentile(arrived, share);
      return {
        ...{ files: all.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), longest: at(1) },
        ...(late > 0 && { faults: `${late} of ${all.length} not stored a minute after the last was dropped` }),
      };
    } finally {
      await live.end();
    }
  });
}

export default {
  title: 'Latency, rename-in to stored (ms)',
  columns: [
    { key: 'files', label: 'files' },
    { key: 'p50', label: 'p50', less: true },
    { key: 'p95', label: 'p95' },
    { key: 'p99', label: 'p99' },
    { key: 'longest', label: 'longest' },
  ],
  chart: { key: 'p99', label: 'p99, ms', log: true },
  best: [{ id: 'python-100', of: 'product-100', key: 'p50' }],

  async run(options, tell) {
    const files = filesOf(options, BACKLOG_FILES);
    const rounds = roundsOf(options, 0);
    const contestants = chosen(options.rates.flatMap(contestantsAt), options);
    const rows = await sitting({ rounds, contestants, tell }, (contestant) => latencies(contestant, options, files));
    return { files, rounds, rows, unit: 'files of backlog' };
  },
};
