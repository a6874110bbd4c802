/** The full form's units on whole, loaded worlds: power cuts, frozen instants, adversaries. Each unit has its own seed. */
import { isRoot } from '../world/users.js';
import { ADVERSARIES } from './adversaries.js';
import { frozenInstants, MOMENTS_A_WORLD } from './frozen.js';
import type { Part } from './parts.js';
import { CUTS_A_WORLD, powerCuts } from './power.js';
import { whyNoPowerCuts } from './power-disks.js';
import { LAYOUTS } from './power-plan.js';
import { entryOf, type Unit } from './unit.js';

const POWER_WORLDS = 27;
const FROZEN_WORLDS = 10;

const units = (
  part: Part,
  count: number,
  run: (unit: { part: Part; name: string }, n: number) => Unit['run'],
): Unit[] =>
  Array.from({ length: count }, (_, n) => {
    const unit = { part, name: `${part} ${n}` };
    return { ...unit, run: run(unit, n) };
  });

export const powerUnits = (seed: string): Unit[] =>
  units('power', POWER_WORLDS, (unit, n) => async () => {
    const untested = whyNoPowerCuts();
    if (untested !== undefined) return entryOf(unit, { untested });
    const report = await powerCuts({ seed: `${seed} ${unit.name}`, cuts: CUTS_A_WORLD, layout: LAYOUTS[n % 2]! });
    const { by, violations, ...counts } = report;
    return entryOf(unit, {
      violations: violations.map(({ kind, what, where }) => ({ kind, what: `${what}; ${where}` })),
      counts: { ...counts, ...by },
    });
  });

export const frozenUnits = (seed: string): Unit[] =>
  units('frozen', FROZEN_WORLDS, (unit) => async () => {
    const report = await frozenInstants({ seed: `${seed} ${unit.name}`, moments: MOMENTS_A_WORLD });
    const { violations, ...counts } = report;
    const untested = isRoot ? {} : { untested: 'not run as root: a warehouse that is full was not tested' };
    return entryOf(unit, { violations, counts, ...untested });
  });

export const adversaryUnits = (seed: string): Unit[] =>
  ADVERSARIES.map(({ name, run }): Unit => {
    const unit = { part: 'adversaries' as const, name };
    return {
      ...unit,
      run: async () => {
        const { figures, violations, notTested } = await run({ seed: `${seed} ${name}`, full: true });
        return entryOf(unit, { figures, violations, ...(notTested.length > 0 && { untested: notTested.join(' ') }) });
      },
    };
  });
