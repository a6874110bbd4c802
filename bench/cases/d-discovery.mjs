/** d: discovery alone: from a full directory to a full queue, nothing else runs. */
import { spawnSync } from 'node:child_process';
import { bearableSitting } from '../harness/bearable.mjs';
import { makeSmall } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { measured, Run } from '../harness/run.mjs';
import { inWorld } from '../harness/world.mjs';
import { bullmq, bullmqCommand } from '../peers/bullmq.mjs';
import { bin, producer, statePath } from '../peers/product.mjs';
import { python, pythonCommand } from '../peers/python.mjs';

/** The scan has ended and every path is in the state. */
async function discover(world, files) {
  const run = new Run(producer(world, '--log-level', 'debug'));
  try {
    await run.line((line) => line.includes('"scan_done"'));
    const usage = run.usage();
    const queued = jobsIn(world);
    if (queued !== files) throw new Error(`${queued} of ${files} files are in the queue after the first scan`);
    await run.stop();
    return usage;
  } finally {
    await run.end();
  }
}

export function jobsIn(world) {
  const { stdout } = spawnSync(bin('queue-stat'), ['--state-path', statePath(world), '--json'], { encoding: 'utf8' });
  return JSON.parse(stdout).stages.reduce((sum, { ready, deferred, claimed }) => sum + ready + deferred + claimed, 0);
}

const find = (world) =>
  measured({
    file: '/bin/sh',
    args: ['-c', 'find "$INPUT" -type f -printf "%p\\t%s\\t%T@\\n" > "$LIST" && sync "$LIST"'],
    env: { INPUT: world.input, LIST: world.log },
  });

async function chokidarAndBullmq(world, files) {
  const service = await bullmq.service(world);
  try {
    return await measured(bullmqCommand(world, service.port, `${files}`, '--discover'), {
      ...{ beside: service.run, log: world.log },
    });
  } finally {
    await service.run.end();
  }
}

const CONTESTANTS = [
  { id: 'product', title: 'ingest-producer, to the end of its first scan', kind: 'product', act: discover },
  {
    ...{
      id: 'coreutils',
      peer: 'coreutils',
      title: 'find -printf into a file, synced',
      kind: 'peer',
      quick: true,
      act: find,
    },
    lacks: ['a list, no queue: nothing is known of it after a crash, nothing new is noticed'],
  },
  {
    ...{ ...python, title: 'plain Python: a row and a commit for each', lacks: ['keeps every name in memory'] },
    act: (world) => measured(pythonCommand(world, '--discover')),
  },
  { ...bullmq, title: 'chokidar (awaitWriteFinish), a BullMQ job for each', act: chokidarAndBullmq },
];

export default {
  title: 'Discovery alone',
  columns: [
    { key: 'seconds', label: 'seconds' },
    { key: 'filesPerS', label: 'files/s', ratio: true },
    { key: 'cpuS', label: 'CPU seconds' },
    { key: 'peakProcessMb', label: 'peak MB, one process' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },
  best: [{ id: 'coreutils', key: 'filesPerS' }],

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = roundsOf(options, files);
    const run = ({ act }, some) =>
      inWorld(options, async (world) => {
        makeSmall(world.input, some);
        world.settle();
        const { processes, ...usage } = await act(world, some);
        return { filesPerS: some / usage.seconds, ...usage };
      });
    const rows = await bearableSitting({ contestants: CONTESTANTS, options, files, rounds, tell }, run);
    return { files, rounds, rows };
  },
};
