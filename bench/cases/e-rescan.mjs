/** e: a rescan of files that are known already and still lie in the input, waiting for their sidecars. */
import { makeSmall } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { untilQuiet } from '../harness/quiet.mjs';
import { measured } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { inWorld } from '../harness/world.mjs';
import { ingestService } from '../peers/product.mjs';

/** Rest between two scans, so that one can be told from the other. */
const REST_SECONDS = 10;
const FILES_PER_SECOND = 50_000;

async function rescan(world, files, { limitSeconds }) {
  const interval = REST_SECONDS + Math.ceil(files / FILES_PER_SECOND);
  const flags = ['--log-level', 'debug', '--scan-interval-seconds', `${interval}`];
  const run = await ingestService.start(world, { onStored: () => {}, flags, sample: true });
  const isScan = (line) => line.includes('"scan_done"');
  try {
    await run.line(isScan);
    await untilQuiet(run, limitSeconds);
    await run.line(isScan);
    const before = { ...run.cpu(), ...run.stirred() };
    const { seconds } = JSON.parse(await run.line(isScan));
    const after = { ...run.cpu(), ...run.stirred() };
    const { peakProcessMb } = run.usage();
    const writtenKib = (after.writtenBytes - before.writtenBytes) / 1024;
    return { seconds, cpuS: after.cpuS - before.cpuS, writtenKib, peakProcessMb };
  } finally {
    await run.end();
  }
}

const find = async (world) =>
  measured({ file: 'find', args: [world.input, '-type', 'f', '-printf', '%p %s %T@ %C@\n'] }, { log: world.log });

const CONTESTANTS = [
  { id: 'product', title: 'Atomic Ingestor, a whole interval with its scan', kind: 'product', act: rescan },
  {
    ...{ id: 'coreutils', peer: 'coreutils', title: 'find -printf of the same', kind: 'peer', act: find },
    lacks: ['a list: compared with nothing'],
  },
];

export default {
  title: 'Rescan of known files',
  columns: [
    { key: 'seconds', label: 'seconds of the scan' },
    { key: 'cpuS', label: 'CPU seconds, of all processes', less: true },
    { key: 'writtenKib', label: 'KiB written' },
    { key: 'peakProcessMb', label: 'peak MB, one process' },
  ],
  chart: { key: 'cpuS', label: 'CPU seconds' },
  best: [{ id: 'coreutils', key: 'cpuS' }],

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = roundsOf(options, files);
    const rows = await sitting({ rounds, contestants: chosen(CONTESTANTS, options), tell }, ({ act }) =>
      inWorld(options, async (world) => {
        makeSmall(world.input, files);
        world.settle();
        const { seconds, cpuS, writtenKib, peakProcessMb } = await act(world, files, options);
        return { seconds, cpuS, writtenKib, peakProcessMb };
      }),
    );
    return { files, rounds, rows };
  },
};
