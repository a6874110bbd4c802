/** A step of a sequence, and what a verb is. */
import type { Fault } from '../crash/control.js';
import { Differs, type Game, NAMES } from './game.js';
import type { Generation } from './model.js';

export interface Step {
  verb: string;
  /** Draws: what they choose among is known when it is its turn, so a step stands also where those before it are left out. */
  a: number;
  b: number;
  c: number;
  /** The command dies there, and is given again. */
  fault?: Fault;
  /** `ingest --once` follows. */
  runs: boolean;
  clock: 'still' | 'minute' | 'hour' | 'back' | 'midnight';
}

export interface Verb {
  weight: number;
  act(game: Game, step: Step): Promise<void> | void;
  /** The fault is one of the run that follows: the verb itself is no command. */
  byHand?: true;
  /** What people do next, more often than by chance. */
  next?: readonly string[];
}

export const pick = <T>(of: readonly T[], n: number): T | undefined => of[n % of.length];

/** The name under which it came. */
export const nameAgain = ({ origin }: Generation): string => NAMES.find((name) => name === origin) ?? NAMES[0]!;

export async function done(command: ReturnType<Game['ctl']>): Promise<void> {
  const { code, err } = await command;
  if (code !== 0) throw new Differs(`a command ended with ${code}: ${err}`);
}
