/** a: many files of 1 KiB, from a full directory to a full warehouse on the same filesystem. */

import { makeSmall, quietForASecond, smallDigests } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { FULL, pipelines } from '../harness/pipelines.mjs';
import { betterQueue } from '../peers/better-queue.mjs';
import { bullmq } from '../peers/bullmq.mjs';
import { coreutils } from '../peers/coreutils.mjs';
import { product } from '../peers/product.mjs';
import { python } from '../peers/python.mjs';

const SUBDIRECTORIES = 1_000;
const SPLIT = ['--workers', 'verify-complete=1,hash=1,manifest=1,move=1'];

const CONTESTANTS = [
  product('product', 'Atomic Ingestor, ingest --once'),
  product('product-spread', `the same, spread over ${SUBDIRECTORIES} subdirectories`, { folders: SUBDIRECTORIES }),
  product('product-split', 'the same, a process for each stage', { flags: SPLIT }),
  product('product-unsettled', 'the same, inputs not yet on disk', { unsettled: true }),
  coreutils,
  python,
  betterQueue,
  bullmq,
];

export default {
  title: 'Files of 1 KiB, same filesystem',
  columns: FULL,
  chart: { key: 'filesPerS', label: 'files/s' },
  best: [{ id: 'coreutils', key: 'filesPerS' }],

  async run(options, tell) {
    const files = filesOf(options);
    const fill = async (world, some, { folders }) => {
      makeSmall(world.input, some, { folders });
      await quietForASecond();
      return smallDigests(some);
    };
    return pipelines({ contestants: CONTESTANTS, options, files, rounds: roundsOf(options, files), fill, tell });
  },
};
