/** k: more workers, and more files: the time a file takes must not grow with their number. */
import { makeSmall, quietForASecond, smallDigests } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { pipelineRun } from '../harness/pipeline.mjs';
import { sitting } from '../harness/sitting.mjs';
import { product } from '../peers/product.mjs';

/** Shares of --files, for the time a file takes. */
const STEPS = { tiny: 0.01, tenth: 0.1, all: 1 };
/** The workers race over this share. */
const WORKERS_SHARE = 0.1;
const STAGES = ['verify-complete', 'hash', 'manifest', 'move'];

const byFiles = (files) =>
  Object.entries(STEPS).map(([step, share]) => {
    const some = Math.max(1, Math.round(files * share));
    return { ...product(`product-${step}`, `ingest, ${some.toLocaleString('en-US')} files`), files: some };
  });

function byWorkers(counts, files) {
  const some = Math.max(1, Math.round(files * WORKERS_SHARE));
  const perStage = (count) => STAGES.map((stage) => `${stage}=${count}`).join(',');
  return counts.flatMap((count) => [
    {
      ...product(`product-all-${count}`, `--workers all=${count}: processes of all stages`, {
        flags: ['--workers', `all=${count}`],
      }),
      files: some,
    },
    {
      ...product(`product-each-${count}`, `--workers: ${count} of each stage`, {
        flags: ['--workers', perStage(count)],
      }),
      files: some,
    },
  ]);
}

export default {
  title: 'Growth',
  columns: [
    { key: 'files', label: 'files' },
    { key: 'filesPerS', label: 'files/s' },
    { key: 'usPerFile', label: 'µs a file' },
    { key: 'cpuS', label: 'CPU seconds' },
    { key: 'peakTreeMb', label: 'peak MB, whole tree' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },

  async run(options, tell) {
    const files = filesOf(options, 1_000_000);
    const rounds = roundsOf(options, files);
    const contestants = [...byFiles(files), ...byWorkers(options.workers, files)];
    const fill = async (world, some) => {
      makeSmall(world.input, some);
      await quietForASecond();
      return smallDigests(some);
    };
    const rows = await sitting({ rounds, contestants, tell }, async (contestant) => {
      const run = await pipelineRun(contestant, { options, files: contestant.files, fill });
      return { ...run, usPerFile: (run.seconds / run.files) * 1e6 };
    });
    return { files, rounds, rows };
  },
};
