/**
 * The rounds and their order: the first occurrence of each distinct point comes before repetitions, so that a run that is cut
 * short has covered as many points as possible.
 * A round's name states its faults: `kill before 12`, `EIO once 7`, `kill after 12 + kill before 3` (the second one in the
 * recovery). `--only` takes such a name.
 */

import { type Call, ERRORS, type ErrorName, type Fault } from './control.js';
import { dice, shuffled } from './dice.js';
import type { Part } from './parts.js';
import { pointOf } from './points.js';

export interface Planned {
  part: Part;
  name: string;
  faults: Fault[];
}

const KILLS = ['kill before', 'kill after'] as const;

export const nameOf = (faults: readonly Fault[]): string =>
  faults
    .map(({ kind, at, error }) => {
      if (kind === 'fail once') return `${error} once ${at}`;
      if (kind === 'fail from there on') return `${error} on ${at}`;
      return `${kind} ${at}`;
    })
    .join(' + ');

/** Undefined for a text that is no name of a round. */
export function faultsOf(name: string): Fault[] | undefined {
  const faults = name.split(' + ').map((one): Fault | undefined => {
    const match = /^(kill before|kill after|(E[A-Z]+) (once|on)) (\d+)$/.exec(one);
    if (!match) return undefined;
    const [, what, error, how, at] = match;
    if (error === undefined) return { kind: what as Fault['kind'], at: Number(at) };
    const kind = how === 'once' ? 'fail once' : 'fail from there on';
    return { kind, at: Number(at), error: error as ErrorName };
  });
  return faults.every((fault) => fault !== undefined) ? (faults as Fault[]) : undefined;
}

const planned = (part: Part, faults: Fault[]): Planned => ({ part, faults, name: nameOf(faults) });

/** Calls by the point they are at: the first of each point, then the second of each, and so on. */
export function inTurns(calls: readonly Call[]): Call[][] {
  const seen = new Map<string, number>();
  const turns: Call[][] = [];
  for (const call of calls) {
    const point = pointOf(call);
    const turn = seen.get(point) ?? 0;
    seen.set(point, turn + 1);
    turns[turn] = [...(turns[turn] ?? []), call];
  }
  return turns;
}

export function killRounds(calls: readonly Call[], seed: string): Planned[] {
  return inTurns(calls).flatMap((turn, n) =>
    shuffled(
      turn.flatMap(({ number }) => KILLS.map((kind) => planned('kill', [{ kind, at: number }]))),
      `${seed} kill ${n}`,
    ),
  );
}

/** Calls that are made only where no filesystem knows RENAME_NOREPLACE come before all others. */
export function linkRounds(calls: readonly Call[], seed: string): Planned[] {
  const isOwn = ({ call, path }: Call) => call === 'linkat' || call === 'renameat' || path.includes('.claims~');
  return [isOwn, (call: Call) => !isOwn(call)]
    .flatMap((which) => killRounds(calls.filter(which), `${seed} links`))
    .map((round) => ({ ...round, part: 'links' }));
}

/** Every error at the first call of each point, one drawn error at each later call; both once and from there on. */
export function errorRounds(calls: readonly Call[], seed: string): Planned[] {
  const kinds = ['fail once', 'fail from there on'] as const;
  const below = dice(`${seed} errors`);
  const errors = (turn: number) => (turn === 0 ? ERRORS : [ERRORS[below(ERRORS.length)]!]);
  return inTurns(calls).flatMap((turn, n) =>
    shuffled(
      turn.flatMap(({ number }) =>
        kinds.flatMap((kind) => errors(n).map((error) => planned('error', [{ kind, at: number, error }]))),
      ),
      `${seed} error ${n}`,
    ),
  );
}

const DEATHS = 12;
const STORMS = 500;

/**
 * One scene, one death after another: each recovery is killed at a call of its own, near or far, until all is in or twelve
 * have died. A kill costs one process here, and meets what many half-done recoveries left.
 */
export function stormRounds(seed: string): Planned[] {
  const below = dice(`${seed} storm`);
  const death = (): Fault => ({ kind: KILLS[below(2)]!, at: 1 + below(32 << below(5)) });
  return Array.from({ length: STORMS }, () => planned('storm', Array.from({ length: DEATHS }, death)));
}

/** A second kill at every call of the recovery: `first` once for each distinct point, with how many calls its recovery made. */
export function recoveryRounds(firsts: readonly { fault: Fault; calls: number }[], seed: string): Planned[] {
  const all = firsts.flatMap(({ fault, calls }, n) => {
    const seconds = Array.from({ length: calls }, (_, i) => KILLS.map((kind): Fault => ({ kind, at: i + 1 }))).flat();
    return shuffled(seconds, `${seed} recovery ${n}`).map((second, turn) => ({ turn, faults: [fault, second] }));
  });
  // Every first point once, then every first point once more.
  return all.sort((a, b) => a.turn - b.turn).map(({ faults }) => planned('recovery', faults));
}
