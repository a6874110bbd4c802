/** b: a few large files, on one filesystem and across two. */
import { statSync } from 'node:fs';
import { makeLarge, quietForASecond } from '../harness/inputs.mjs';
import { filesOf, roundsOf, Usage } from '../harness/options.mjs';
import { pipelines } from '../harness/pipelines.mjs';
import { copyAcross, twoCoreSha256sum } from '../peers/coreutils.mjs';
import { product } from '../peers/product.mjs';
import { python } from '../peers/python.mjs';

const TWO = { flags: ['--concurrency', '2'] };
const SAME = [product('product', 'Atomic Ingestor, --concurrency 2', TWO), twoCoreSha256sum, python];
const ACROSS = [
  product('product-across', 'Atomic Ingestor, --concurrency 2, across filesystems', TWO),
  ...[copyAcross, { ...python, title: `${python.title}, across filesystems` }].map((peer) => ({
    ...peer,
    ...{ id: `${peer.id}-across`, against: 'product-across' },
  })),
];

export default {
  title: 'Large files',
  columns: [
    { key: 'seconds', label: 'seconds, exec to exit' },
    { key: 'mibPerS', label: 'MiB/s', ratio: true },
    { key: 'cpuS', label: 'CPU seconds' },
    { key: 'peakTreeMb', label: 'peak MB, whole tree' },
    { key: 'peakProcessMb', label: 'peak MB, one process' },
  ],
  chart: { key: 'mibPerS', label: 'MiB/s' },
  best: [
    { id: 'coreutils', key: 'mibPerS' },
    { id: 'coreutils-across', of: 'product-across', key: 'mibPerS' },
  ],

  async run(options, tell) {
    const { mib, across } = options;
    if (statSync(across).dev === statSync(options.root).dev)
      throw new Usage(
        `--across ${across} is on the filesystem of --root ${options.root}; name a directory on another one`,
      );
    const files = filesOf(options, 64);
    const fill = async (world, some) => {
      const digests = makeLarge(world.input, some, mib);
      await quietForASecond();
      return digests;
    };
    const given = { options: { ...options, countFiles: 0 }, files, rounds: roundsOf(options, files), fill, tell };
    const same = await pipelines({ ...given, contestants: SAME });
    const far = await pipelines({ ...given, contestants: ACROSS, across });
    const rows = [...same.rows, ...far.rows];
    for (const run of rows.flatMap((row) => row.runs)) run.mibPerS = run.filesPerS * mib;
    return { ...same, rows, unit: `of ${mib} MiB` };
  },
};
