/** The units of each part in the full form. */
import type { Call, Fault } from './control.js';
import type { Harness } from './harness.js';
import type { Entry } from './journal.js';
import { mutantUnits } from './mutants.js';
import type { Part } from './parts.js';
import { errorRounds, faultsOf, killRounds, linkRounds, type Planned, recoveryRounds, stormRounds } from './plan.js';
import { adversaryUnits, frozenUnits, powerUnits } from './plan-load.js';
import { processRounds } from './plan-processes.js';
import type { Unit } from './unit.js';

/** Second kills for each first one; the storms draw from all others. */
const SECONDS = 2;

export interface Known {
  harness: Harness;
  /** The calls of a run of this part without a fault. */
  calls: readonly Call[];
  entries: readonly Entry[];
  seed: string;
}

export function unitsOf(part: Part, { harness, calls, entries, seed }: Known): Iterable<Unit> {
  const rounds = (planned: readonly Planned[]) => planned.map((round) => harness.unit(round));
  const plans: Record<Part, () => Unit[]> = {
    kill: () => rounds(killRounds(calls, seed)),
    error: () => rounds(errorRounds(calls, seed)),
    recovery: () => {
      const firsts = firstsOf(entries);
      return rounds(recoveryRounds(firsts, seed).slice(0, firsts.length * SECONDS));
    },
    storm: () => rounds(stormRounds(seed)),
    processes: () => rounds(processRounds(seed)),
    power: () => powerUnits(seed),
    frozen: () => frozenUnits(seed),
    links: () => rounds(linkRounds(calls, seed)),
    mutants: () => mutantUnits(seed),
    adversaries: () => adversaryUnits(seed),
  };
  return plans[part]();
}

/** One kill for each distinct point (stage, call, before or after) that was reached. */
function firstsOf(entries: readonly Entry[]): { fault: Fault; calls: number }[] {
  const firsts = new Map<string, { fault: Fault; calls: number }>();
  for (const { part, name, points, recoveryCalls } of entries) {
    const fault = faultsOf(name)?.[0];
    if (part !== 'kill' || !fault || points[0] == null) continue;
    const key = `${fault.kind} ${points[0]}`;
    if (!firsts.has(key)) firsts.set(key, { fault, calls: recoveryCalls });
  }
  return [...firsts.values()];
}
