/** Draws sequences of verbs, runs them, and shortens those that differ. */
import { dice as rolled } from '../crash/dice.js';
import { check, closedHours } from './check.js';
import { checkAudit, checkExplain } from './check-commands.js';
import { Differs, Game } from './game.js';
import type { Lane } from './lane.js';
import { HOUR_MS, type Plan } from './plan.js';
import { pick, type Step } from './verb.js';
import { VERBS } from './verbs.js';

const STEPS = 14;
/** The percentage of steps that are killed. */
const KILLED = 8;
/** The percentage of steps that people often do after the previous one. */
const FOLLOWED = 50;
/** The highest number of the call at which a command dies: few commands make more calls. */
const CALLS = [12, 30, 60, 120];

export interface Sequence {
  plan: Plan;
  steps: Step[];
}

export function draw(seed: string, ground: string): Sequence {
  const below = rolled(seed);
  const verbs = Object.entries(VERBS).flatMap(([verb, { weight }]) => Array.from({ length: weight }, () => verb));
  const plan: Plan = {
    seed,
    ground,
    straight: below(2) === 0,
    sidecars: below(3) === 0,
    chain: below(2) === 0,
    feeds: (['two warehouses', 'one warehouse'] as const)[below(4)] ?? 'one',
    hour: below(3) === 0 ? 23 + below(55) / 60 : 12,
  };
  const step = (verb: string): Step => ({
    verb,
    a: below(1_000),
    b: below(1_000),
    c: below(1_000),
    ...(below(100) < KILLED && {
      fault: { kind: below(2) === 0 ? 'kill before' : 'kill after', at: 1 + below(CALLS[below(CALLS.length)]!) },
    }),
    runs: below(10) < 8,
    // A state knows who got a name last. After its loss the instants of the lines decide, unless the clock went back.
    clock: (['still', plan.feeds === 'one' ? 'back' : 'minute', 'hour', 'midnight'] as const)[below(30)] ?? 'minute',
  });
  const steps = [{ ...step('drop'), runs: true }];
  for (let last = 'drop'; steps.length < STEPS; steps.push(step(last))) {
    const { next } = VERBS[last]!;
    last = next && below(100) < FOLLOWED ? pick(next, below(1_000))! : verbs[below(verbs.length)]!;
  }
  return { plan, steps };
}

/** The difference, with the verbs before it; undefined: none. */
export async function play(lane: Lane, { plan, steps }: Sequence): Promise<string | undefined> {
  const game = new Game(lane, plan);
  try {
    await game.run();
    for (const [at, step] of steps.entries()) {
      const words = step;
      game.turnTo(Math.floor(step.a / 100));
      game.story.push(
        `${at + 1}. ${step.verb} ${words.a} ${words.b} ${words.c}${step.runs ? '' : ' (no run)'}, ${words.clock}, feed ${game.feed}`,
      );
      await playOne(game, step);
      if (at % 5 === 4 || at === steps.length - 1) await checkAudit(game);
    }
    await checkExplain(game);
    return undefined;
  } catch (error) {
    const what = error instanceof Differs ? error.message : String((error as Error).stack);
    const { seed, straight, sidecars, chain, feeds } = plan;
    const how = `seed ${seed} (straight: ${straight}, sidecars: ${sidecars}, chain: ${chain}, feeds: ${feeds})`;
    return [what, how, ...game.story].join('\n');
  } finally {
    await game.end(process.env.KEEP_WORLD !== undefined);
  }
}

const CLOCKS = { still: 0, minute: 61_000, hour: HOUR_MS, back: -HOUR_MS };

async function playOne(game: Game, step: Step): Promise<void> {
  const verb = VERBS[step.verb]!;
  const closedNow = (): Map<string, string>[] => {
    const all: Map<string, string>[] = [];
    game.each(() => all.push(closedHours(game)));
    return all;
  };
  const before = closedNow();
  await verb.act(game, step);
  check(game);
  if (step.runs) {
    await game.run(verb.byHand && step.fault);
    check(game);
  }
  const now = closedNow();
  for (const [i, closed] of before.entries())
    for (const [hour, lines] of closed)
      if (game.sides[i]!.model.markers && now[i]!.get(hour) !== lines)
        throw new Differs(`the hour ${hour} is closed, and its lines have changed`);
  if (step.clock === 'midnight') game.untilMidnight();
  else game.passes(CLOCKS[step.clock]);
}

/** Leaves out each step that is not needed for the difference. */
export async function shorten(lane: Lane, sequence: Sequence, tries = 60): Promise<Sequence> {
  let { steps } = sequence;
  for (let at = steps.length - 1; at >= 0 && tries > 0; at--, tries--) {
    const fewer = steps.filter((_, i) => i !== at);
    if ((await play(lane, { ...sequence, steps: fewer })) !== undefined) steps = fewer;
  }
  return { ...sequence, steps };
}
