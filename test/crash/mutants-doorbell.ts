/** Each stage in a process of its own, without the check once a second: only the doorbell wakes one after another one's commit. */
import { STAGE_NAMES } from '../../src/base/config/values/stage-names.js';
import { under } from './mutants-table.js';
import { type Found, inWorld, type RunParts } from './mutants-world.js';

const FILES = 15;
/** Milliseconds are enough on a quiet machine. */
const PATIENT = { withinMs: 20_000, everyMs: 25 };

/** One file after another. The job of a file that does not arrive is due, and the process that must take it sleeps. */
export const doorbell = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: { stabilitySeconds: 0, quietMs: 0 } }, async (world) => {
    const deaf = under('no_net', env);
    const { pid: first } = world.start('ingest-producer', [], { env: deaf });
    await world.event('worker_started', (e) => e.heardFrom === first, PATIENT);
    const started = STAGE_NAMES.map((stage) => world.start('ingest-worker', ['--stage', stage], { env: deaf }));
    for (const { pid } of started) await world.event('worker_started', (e) => e.heardFrom === pid, PATIENT);
    for (let n = 0; n < FILES; n++) {
      const dropped = world.drop(`${n}.csv`, 100, { how: 'rename' });
      const came = await world.isStored(dropped, PATIENT).then(
        () => true,
        () => false,
      );
      if (came) continue;
      const due = world.jobs().filter(({ state }) => state === 'ready');
      await world.killAll();
      const asleep = due.map(({ stage }) => `a job is ready for ${stage}, and its worker was not woken`);
      return [...world.differences({ settled: false }), ...asleep.map((what) => ({ kind: 'not_woken', what }))];
    }
    await world.allDone(PATIENT);
    await world.stop();
    return world.differences();
  });
