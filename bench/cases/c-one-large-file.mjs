/** c: one large file, small ones beside it: its speed, the heartbeats, the memory, and whether the small ones wait behind it. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Beats } from '../harness/beats.mjs';
import { digestOf, filesBelow } from '../harness/correct.mjs';
import { dropAtRate } from '../harness/dropping.mjs';
import { makeLarge } from '../harness/inputs.mjs';
import { roundsOf } from '../harness/options.mjs';
import { measured } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { percentile } from '../harness/statistics.mjs';
import { inWorld } from '../harness/world.mjs';
import { ingestService, statePath } from '../peers/product.mjs';

/** As many times as large as a large file of b. */
const TIMES = 128;
const RATE = 5;
const USUAL_SECONDS = 5;
const LARGE = 'large-0.csv';

async function withSmallOnes(world, mib, digest) {
  const stored = new Map();
  const onStored = (path) => stored.set(path, performance.now());
  const run = await ingestService.start(world, { onStored, sample: true });
  let beats;
  try {
    const usual = await smallOnes(world, stored, { name: 'usual', seconds: USUAL_SECONDS });
    beats = await Beats.of(statePath(world));
    const large = join(world.input, LARGE);
    writeFileSync(`${large}.ok`, '');
    const from = performance.now();
    renameSync(join(world.upload, LARGE), large);
    const beside = await smallOnes(world, stored, {
      ...{ name: 'beside', warmUp: false, seconds: 3_600, goOn: () => !stored.has(large) },
    });
    const seconds = (stored.get(large) - from) / 1000;
    if (!filesBelow(join(world.warehouse, 'drops')).some((path) => path.endsWith(LARGE) && digestOf(path) === digest))
      throw new Error(`${LARGE} is not in the warehouse with its bytes`);
    return {
      ...{ seconds, mibPerS: mib / seconds, peakProcessMb: run.usage().peakProcessMb, beatMs: beats.longestMs },
      ...{ usualMs: percentile(usual, 0.5), besideMs: percentile(beside, 0.5), besideLongestMs: percentile(beside, 1) },
    };
  } finally {
    await beats?.end();
    await run.end();
  }
}

/** How long each took, in ms. */
async function smallOnes(world, stored, how) {
  const dropped = await dropAtRate(world, { rate: RATE, stored, ...how });
  return [...dropped].map(([path, at]) => stored.get(path) - at);
}

async function openssl(world, mib) {
  const args = ['dgst', '-sha256', join(world.upload, LARGE)];
  const { seconds, peakProcessMb } = await measured({ file: 'openssl', args }, { log: world.log });
  return { seconds, mibPerS: mib / seconds, peakProcessMb };
}

const CONTESTANTS = [
  { id: 'product', title: 'Atomic Ingestor, small files beside it', kind: 'product', act: withSmallOnes },
  { id: 'openssl', peer: 'openssl', title: 'openssl dgst -sha256, one core, nothing else', kind: 'peer', act: openssl },
];

export default {
  title: 'One large file',
  columns: [
    { key: 'seconds', label: 'seconds' },
    { key: 'mibPerS', label: 'MiB/s', ratio: true },
    { key: 'peakProcessMb', label: 'peak MB, one process' },
    { key: 'beatMs', label: 'longest without a heartbeat, ms' },
    { key: 'usualMs', label: 'a small file before it, p50 ms' },
    { key: 'besideMs', label: 'beside it, p50 ms' },
    { key: 'besideLongestMs', label: 'beside it, longest ms' },
  ],
  chart: { key: 'mibPerS', label: 'MiB/s' },
  best: [{ id: 'openssl', key: 'mibPerS' }],

  async run(options, tell) {
    const mib = options.mib * TIMES;
    const rounds = roundsOf(options, 1);
    const rows = await sitting({ rounds, contestants: chosen(CONTESTANTS, options), tell }, ({ act }) =>
      inWorld(options, async (world) => {
        const [digest] = makeLarge(world.upload, 1, mib, { prefix: 'large' });
        world.settle();
        return act(world, mib, digest);
      }),
    );
    return { files: 1, rounds, rows, unit: `of ${mib} MiB` };
  },
};
