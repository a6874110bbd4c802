/**
 * The plan of a seed: a consumer, the options of its watcher, and how the tree changes meanwhile.
 */
import type { BackendName } from '../../../src/watcher/index.js';
import { chance } from '../../world/chance.js';
import { ALL, drawTold, type Told } from './settings.js';
import type { Speed } from './taker.js';

export interface Plan {
  seed: number;
  /** The watcher runs in its own process, which is killed now and then. */
  apart: boolean;
  backend: BackendName;
  speed: Speed;
  looksLate: boolean;
  /** With `statePath`. */
  keeps: boolean;
  /** The existing tree is reported at the start. */
  initial: boolean;
  debounceMs: number;
  bufferMax: number;
  told: Told;
  /** Options change at a start. */
  changes: boolean;
  /** Operations between two quiet points, and the most in one turn of the loop. */
  perRound: number;
  perTurn: number;
  /** Some names are not UTF-8. */
  odd: boolean;
  /** On tmpfs, if there is one: faster, and another filesystem. */
  inMemory: boolean;
}

const DEBOUNCE_MS = [0, 0, 1, 5, 10, 10, 10, 20, 20, 50, 100, 300, 2_000];
const BUFFER_MAX = [1, 2, 5, 20, 100, 100, 1_000, 10_000];
const SPEEDS: readonly Speed[] = ['at once', 'at once', 'slow', 'in bursts'];
/** Windows of that length are waited for at each quiet point. */
const LONG_MS = 100;

export function planOf(seed: number): Plan {
  const draw = chance(seed);
  const of = <T>(list: readonly T[]): T => list[draw(list.length)]!;
  const apart = draw(4) === 0;
  const backend = draw(10) === 0 ? 'poll' : 'inotify';
  const keeps = draw(4) > 0;
  const debounceMs = of(DEBOUNCE_MS);
  const changes = keeps && draw(3) === 0;
  return {
    seed,
    apart,
    backend,
    speed: of(SPEEDS),
    looksLate: draw(4) === 0,
    keeps,
    initial: draw(4) > 0,
    debounceMs,
    bufferMax: of(BUFFER_MAX),
    changes,
    told: draw(3) === 0 ? drawTold(draw) : ALL,
    perRound: debounceMs >= LONG_MS ? 400 : of(apart ? [100, 200, 400] : [40, 100, 200, 300]),
    perTurn: of([1, 1, 5, 30]),
    odd: draw(3) === 0,
    inMemory: draw(2) === 0,
  };
}

export const shownPlan = ({ seed, apart, speed, looksLate, backend, debounceMs, bufferMax, ...plan }: Plan): string =>
  [
    `SEED=${seed}`,
    `${apart ? 'a process of its own' : 'in process'}, ${speed}${looksLate ? ', looks late' : ''}`,
    `${backend}, debounceMs ${debounceMs}, bufferMax ${bufferMax}${plan.keeps ? ', statePath' : ''}`,
    `${plan.changes ? 'options change, ' : ''}${JSON.stringify(plan.told)}`,
    `${plan.perRound} operations a round, ${plan.perTurn} a turn${plan.initial ? ', initial' : ''}${plan.inMemory ? ', tmpfs' : ''}`,
  ].join('; ');
