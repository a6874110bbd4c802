/** chokidar with awaitWriteFinish, and BullMQ on a Redis with its defaults: what a Node team would take off the shelf. */
import { join } from 'node:path';
import { PROGRAMS } from '../harness/package.mjs';
import { Run } from '../harness/run.mjs';
import { redisMissing, startRedis } from './redis.mjs';

export const bullmqCommand = (world, port, ...rest) => ({
  file: process.execPath,
  args: [
    ...[join(PROGRAMS, 'chokidar-bullmq.mjs'), world.input, world.warehouse, world.manifests, world.state],
    ...[`${port}`, ...rest],
  ],
});

export const bullmq = {
  id: 'bullmq',
  peer: 'bullmq',
  title: 'chokidar (awaitWriteFinish) + BullMQ on Redis',
  kind: 'peer',
  slowToTrace: true,
  lacks: [
    'Redis keeps a snapshot now and then: a power cut takes up to an hour of jobs, acknowledged as done or not',
    'chokidar drops the overflow of the kernel’s event queue: files stay unseen until a restart',
    'quiet for two seconds counts as complete, whoever still has the file open',
    'what lies there before chokidar is ready is taken at once: awaitWriteFinish begins after that',
    'a crash between line and move writes the line again; a taken name is overwritten',
  ],
  missing: redisMissing,
  service: startRedis,
  command: (world, { files, service }) => bullmqCommand(world, service.port, `${files}`),
};

/** As a service: ended together with its Redis. */
export const bullmqService = {
  ...bullmq,
  async start(world, { onStored, sample = false }) {
    const redis = await startRedis(world);
    const onLine = (line) => line.startsWith('stored ') && onStored(line.slice(7));
    const run = new Run(bullmqCommand(world, redis.port, '0'), { sample, onLine, beside: redis.run });
    await run.line((line) => line === 'watching');
    return {
      cpu: () => run.cpu(),
      stirred: () => run.stirred(),
      async end() {
        await run.end();
        await redis.run.end();
      },
    };
  },
};
