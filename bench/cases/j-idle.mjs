/** j: nothing to do, many directories to watch: CPU time, wake-ups and writes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilQuiet } from '../harness/quiet.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { inWorld } from '../harness/world.mjs';
import { bullmqService } from '../peers/bullmq.mjs';
import { ingestService } from '../peers/product.mjs';
import { pythonService } from '../peers/python.mjs';

const SECONDS = 600;
const FOLDERS_IN_ONE = 100;
const QUIET_LIMIT_S = 300;

const CONTESTANTS = [
  { ...ingestService, id: 'product', title: 'Atomic Ingestor' },
  { ...pythonService, busy: true, title: 'plain Python, a scan a second' },
  { ...bullmqService, title: 'chokidar + BullMQ, with its Redis' },
];

async function idle({ start, busy }, options, seconds) {
  return inWorld(options, async (world) => {
    for (let n = 0; n < options.directories; n++)
      mkdirSync(join(world.input, `group-${Math.floor(n / FOLDERS_IN_ONE)}`, `branch-${n}`), { recursive: true });
    const live = await start(world, { onStored: () => {} });
    try {
      if (busy) await sleep(1_000);
      else await untilQuiet(live, QUIET_LIMIT_S);
      const look = () => ({ ...live.cpu(), ...live.stirred(), at: performance.now() });
      const before = look();
      await sleep(seconds * 1000);
      const after = look();
      const passed = (after.at - before.at) / 1000;
      return {
        cpuPercent: ((after.cpuS - before.cpuS) / passed) * 100,
        wakeUpsPerS: (after.wakeUps - before.wakeUps) / passed,
        writtenKib: (after.writtenBytes - before.writtenBytes) / 1024,
      };
    } finally {
      await live.end();
    }
  });
}

export default {
  title: 'Idle',
  columns: [
    { key: 'cpuPercent', label: '% of a core', ratio: true, less: true },
    { key: 'wakeUpsPerS', label: 'wake-ups/s' },
    { key: 'writtenKib', label: 'KiB written' },
  ],
  chart: { key: 'cpuPercent', label: '% of a core' },
  best: [{ id: 'python', key: 'cpuPercent' }],

  async run(options, tell) {
    const seconds = options.seconds ?? SECONDS;
    const rounds = options.rounds ?? 1;
    const contestants = chosen(CONTESTANTS, options);
    const rows = await sitting({ rounds, contestants, tell }, (contestant) => idle(contestant, options, seconds));
    return { files: options.directories, rounds, rows, unit: `watched directories, ${seconds} s` };
  },
};
