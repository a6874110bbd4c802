/** f: a restart with a full queue: how long until the first file is stored. */
import { bearableSitting } from '../harness/bearable.mjs';
import { makeSmall, quietForASecond } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { measured, Run } from '../harness/run.mjs';
import { inWorld } from '../harness/world.mjs';
import { bullmq, bullmqCommand } from '../peers/bullmq.mjs';
import { ingest, producer } from '../peers/product.mjs';
import { python, pythonCommand } from '../peers/python.mjs';
import { startRedis } from '../peers/redis.mjs';
import { jobsIn } from './d-discovery.mjs';

async function product(world, files) {
  const filling = new Run(producer(world, '--log-level', 'debug'), { sample: false });
  try {
    await filling.line((line) => line.includes('"scan_done"'));
    await filling.stop();
  } finally {
    await filling.end();
  }
  const queued = jobsIn(world);
  if (queued !== files) throw new Error(`${queued} of ${files} files are in the queue before the restart`);
  world.settle();
  return firstOf(ingest(world), (line) => line.includes('"file_ingested"'));
}

async function plainPython(world) {
  await measured(pythonCommand(world, '--discover'), { log: world.log });
  world.settle();
  return firstOf(pythonCommand(world, '--once', '--tell'), (line) => line.startsWith('stored '));
}

async function redisAndWorker(world, files) {
  const filling = await startRedis(world);
  try {
    const command = bullmqCommand(world, filling.port, `${files}`, '--discover');
    await measured(command, { beside: filling.run, log: world.log });
    await filling.stop('save');
  } finally {
    await filling.run.end();
  }
  world.settle();
  const startedMs = performance.now();
  const redis = await startRedis(world);
  try {
    const waitedS = (performance.now() - startedMs) / 1000;
    const { seconds } = await firstOf(
      bullmqCommand(world, redis.port, '0'),
      (line) => line.startsWith('stored '),
      redis,
    );
    return { seconds: waitedS + seconds };
  } finally {
    await redis.run.end();
  }
}

async function firstOf(command, isStored, service) {
  const run = new Run(command, { sample: false, beside: service?.run });
  try {
    await run.line(isStored);
    return { seconds: run.seconds };
  } finally {
    await run.end();
  }
}

/** Filling the queue is what takes long. */
async function secondsOf(act) {
  const from = performance.now();
  await act();
  return (performance.now() - from) / 1000;
}

const CONTESTANTS = [
  { id: 'product', title: 'Atomic Ingestor', kind: 'product', act: product },
  { ...python, act: plainPython },
  { ...bullmq, title: 'Redis with its snapshot, then chokidar + BullMQ', act: redisAndWorker },
];

export default {
  title: 'Restart with a full queue',
  columns: [{ key: 'seconds', label: 'seconds to the first stored file', ratio: true, less: true }],
  chart: { key: 'seconds', label: 'seconds to the first stored file' },
  best: [{ id: 'python', key: 'seconds' }],

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = roundsOf(options, files);
    const run = ({ act }, some) =>
      inWorld(options, async (world) => {
        makeSmall(world.input, some);
        world.settle();
        await quietForASecond();
        return act(world, some);
      });
    const trial = (contestant, some) => secondsOf(() => run(contestant, some));
    const rows = await bearableSitting(
      { contestants: CONTESTANTS, options, files, rounds, tell, secondsOf: trial },
      run,
    );
    return { files, rounds, rows, unit: 'queued jobs' };
  },
};
