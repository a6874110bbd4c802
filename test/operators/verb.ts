/** A step of a sequence, and the shape of a verb. */
import type { Fault } from '../crash/control.js';
import { Differs, type Game } from './game.js';
import type { Generation } from './model.js';
import { NAMES } from './plan.js';

export interface Step {
  verb: string;
  /** Random numbers: their choices depend on the state at the step's turn, so a step works also when earlier steps are left out. */
  a: number;
  b: number;
  c: number;
  /** The command dies at this call, and is given again. */
  fault?: Fault;
  /** `ingest --once` follows. */
  runs: boolean;
  clock: 'still' | 'minute' | 'hour' | 'back' | 'midnight';
}

export interface Verb {
  weight: number;
  act(game: Game, step: Step): Promise<void> | void;
  /** The fault belongs to the run that follows: the verb itself is no command. */
  byHand?: true;
  /** Verbs that people often use next. */
  next?: readonly string[];
}

export const pick = <T>(of: readonly T[], n: number): T | undefined => of[n % of.length];

/** The name under which the content came. */
export const nameAgain = ({ origin }: Generation): string => NAMES.find((name) => name === origin) ?? NAMES[0]!;

/** Records and jobs that ended before so many minutes are forgotten, of every feed. */
export async function prune(game: Game, minutes: number, fault: Fault | undefined): Promise<void> {
  const before = game.nowMs - minutes * 60_000;
  await done(game.ctl(['prune', '--keep-history', `${minutes}m`], fault));
  game.each(() => {
    game.model.prunedBeforeMs = Math.max(game.model.prunedBeforeMs, before + 5_000);
  });
}

export async function done(command: ReturnType<Game['ctl']>): Promise<void> {
  const { code, err } = await command;
  if (code !== 0) throw new Differs(`a command ended with ${code}: ${err}`);
}
