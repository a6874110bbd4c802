/** Two producers and eight workers on one state, some of them killed and started again under load. */
import { until } from '../world/waiting.js';
import { AT_ONCE, adversary, allIn } from './adversary-world.js';
import { dice } from './dice.js';

const WORKERS = 8;
const FILES = 3_000;
const ROUNDS = 10;
const PATIENT = { withinMs: 240_000, everyMs: 200 };
const isStarted = ({ event }: { event: string }): boolean => event === 'worker_started';

export const crowd = adversary('two producers and eight workers', { options: AT_ONCE }, async (world, plan, report) => {
  const below = dice(`${plan.seed} crowd`);
  const { full, env = {} } = plan;
  const producer = () => world.start('ingest-producer', [], { env });
  const worker = () => world.start('ingest-worker', [], { env });
  const producers = [producer(), producer()];
  const workers = Array.from({ length: WORKERS }, worker);
  await world.event('worker_started', undefined, PATIENT);
  const rounds = full ? ROUNDS : 2;
  for (let round = 0; round < rounds; round++) {
    const since = world.log.all.length;
    for (let n = full ? FILES / ROUNDS : 40; n > 0; n--) {
      const isTwin = below(5) === 0;
      const content = isTwin ? `twin ${below(40)} of round ${round} ${world.root}` : 1 + below(4_000);
      world.drop(`${world.dropped.length}.csv`, content, { how: 'rename' });
    }
    await world.event('file_ingested', undefined, { ...PATIENT, since });
    const at = below(WORKERS);
    workers[at]!.killAll();
    await workers[at]!.ended;
    workers[at] = worker();
    if (round % 3 !== 0) continue;
    producers[round % 2]!.killAll();
    await producers[round % 2]!.ended;
    producers[round % 2] = producer();
  }
  // Not by log events: a process that is killed between a settlement and its event logs nothing.
  await allIn(world);
  // The signal would end a process that has only just started.
  const all = [...producers, ...workers];
  await until('all are at work', () => all.every((one) => one.events.some(isStarted)), PATIENT);
  await world.stop();
  const bugs = world.log.named('bug').map((e) => ({ kind: 'bug', what: JSON.stringify(e) }));
  report.figures = { files: world.dropped.length, 'processes killed': rounds + Math.ceil(rounds / 3) };
  report.violations.push(...world.differences(), ...bugs);
});
