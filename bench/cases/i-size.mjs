/** i: what grows with the number of files: the memory of each process, and the state on disk. */
import { statSync } from 'node:fs';
import { makeSmall, quietForASecond, smallDigests } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { pipelineRun } from '../harness/pipeline.mjs';
import { sitting } from '../harness/sitting.mjs';
import { product, statePath } from '../peers/product.mjs';

/** Shares of --files. */
const STEPS = [0.01, 0.1, 1];
const ROLES = { parent: /^atomic-ingestor: ingest|bin\/ingest\b/, producer: /: producer/, worker: /: worker/ };

function inspect(world, processes, files) {
  const largest = (role) => Math.max(0, ...processes.filter((one) => roleOf(one) === role).map(({ peakMb }) => peakMb));
  const memory = Object.keys(ROLES).map((role) => [`${role}Mb`, largest(role)]);
  const bytes = ['', '-wal'].reduce((sum, suffix) => sum + sizeOf(statePath(world) + suffix), 0);
  return {
    ...Object.fromEntries(memory),
    stateBytesPerFile: bytes / files,
    logBytesPerFile: sizeOf(world.log) / files,
  };
}

const roleOf = ({ title }) => Object.keys(ROLES).findLast((role) => ROLES[role].test(title));
const sizeOf = (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

export default {
  title: 'Memory and state',
  columns: [
    { key: 'files', label: 'files' },
    { key: 'parentMb', label: 'parent, peak MB' },
    { key: 'producerMb', label: 'producer, peak MB' },
    { key: 'workerMb', label: 'worker, peak MB' },
    { key: 'peakTreeMb', label: 'all together, MB' },
    { key: 'stateBytesPerFile', label: 'state, bytes a file' },
    { key: 'logBytesPerFile', label: 'log, bytes a file' },
  ],
  chart: { key: 'peakProcessMb', label: 'peak MB of the largest process' },

  async run(options, tell) {
    const files = filesOf(options, 1_000_000);
    const rounds = roundsOf(options, files);
    const contestants = STEPS.map((share) => Math.max(1, Math.round(files * share))).map((some) => ({
      ...product(`product-${some}`, `Atomic Ingestor, ${some.toLocaleString('en-US')} files`),
      files: some,
    }));
    const fill = async (world, some) => {
      makeSmall(world.input, some);
      await quietForASecond();
      return smallDigests(some);
    };
    const rows = await sitting({ rounds, contestants, tell }, (contestant) =>
      pipelineRun(contestant, { options, files: contestant.files, fill, inspect }),
    );
    return {
      files,
      rounds,
      rows,
      notes: ['A content stays in the state for ever where no --keep-history is set, as here.'],
    };
  },
};
