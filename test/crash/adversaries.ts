/** The adversaries by name: as units of the full form, and for their short form in the tests. */
import type { Adversary } from './adversary.js';
import { crowd } from './adversary-crowd.js';
import { hostile } from './adversary-hostile.js';
import { racers } from './adversary-racers.js';
import { clocks, pause } from './adversary-time.js';
import { entryOf, type Unit } from './unit.js';

export const adversaries: Readonly<Record<string, Adversary>> = {
  'racing writers': racers,
  'hostile uploader': hostile,
  'clock jumps': clocks,
  'a pause of everything': pause,
  'two producers and eight workers': crowd,
};

export const adversaryUnits = (seed: string): Unit[] =>
  Object.entries(adversaries).map(([name, adversary]): Unit => {
    const unit = { part: 'adversaries' as const, name };
    return { ...unit, run: async () => entryOf(unit, await adversary({ seed: `${seed} ${name}`, scale: 1 })) };
  });
