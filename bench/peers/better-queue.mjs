/** better-queue with its SQLite store, as its README sets it up: a queue for each stage, each in a file of its own. */
import { join } from 'node:path';
import { PROGRAMS } from '../harness/package.mjs';

export const betterQueue = {
  id: 'better-queue',
  peer: 'better-queue',
  title: 'better-queue + better-queue-sqlite, four stages',
  kind: 'peer',
  slowToTrace: true,
  lacks: [
    'loses tasks without a crash: releasing an empty claim deletes every task that nobody has taken',
    'PRAGMA synchronous=OFF: a power cut takes tasks, or the whole file',
    'one process for each file of a stage; no duplicates, no completeness, no crash safety of the steps',
  ],
  command: (world, { files }) => ({
    file: process.execPath,
    args: [join(PROGRAMS, 'better-queue.mjs'), world.input, world.warehouse, world.manifests, world.state, `${files}`],
  }),
};
