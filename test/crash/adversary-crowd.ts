/** Two producers and eight workers on one state, some of them killed and started again under load. */

import { type Adversary, AT_ONCE, against } from './adversary.js';
import { dice } from './dice.js';

const WORKERS = 8;
const FILES = 3_000;
const ROUNDS = 10;
const PATIENT = { withinMs: 180_000, everyMs: 200 };

export const crowd: Adversary = ({ seed, scale }) =>
  against({ seed, options: AT_ONCE }, async (world) => {
    const below = dice(`${seed} crowd`);
    const producer = () => world.start('ingest-producer');
    const worker = () => world.start('ingest-worker');
    const producers = [producer(), producer()];
    const workers = Array.from({ length: WORKERS }, worker);
    await world.event('worker_started', undefined, PATIENT);
    const rounds = Math.max(2, Math.round(ROUNDS * scale));
    for (let round = 0; round < rounds; round++) {
      for (let n = Math.ceil((FILES * scale) / rounds); n > 0; n--) {
        const isTwin = below(5) === 0;
        const content = isTwin ? `twin ${below(40)} of round ${round} ${world.root}` : 1 + below(4_000);
        world.drop(`${world.dropped.length}.csv`, content, { how: 'rename' });
      }
      await world.event('file_ingested', undefined, { ...PATIENT, since: world.log.all.length });
      const at = below(WORKERS);
      workers[at]!.killAll();
      await workers[at]!.ended;
      workers[at] = worker();
      if (round % 3 !== 0) continue;
      producers[round % 2]!.killAll();
      await producers[round % 2]!.ended;
      producers[round % 2] = producer();
    }
    await world.stored(undefined, PATIENT);
    await world.allDone(PATIENT);
    await world.stop();
    const bugs = world.log.named('bug').map((e) => ({ kind: 'bug', what: JSON.stringify(e) }));
    return { violations: [...world.differences(), ...bugs], counts: { files: world.dropped.length, killed: rounds } };
  });
