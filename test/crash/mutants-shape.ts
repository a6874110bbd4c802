/** The shape of a mutant. */
import type { RunName } from './mutants-runs.js';

export type Edit = readonly [from: string, to: string];

export interface Mutant {
  name: string;
  /** The broken guarantee, as a line of the report. */
  breaks: string;
  run: RunName;
  /** By module, below dist/. */
  edits: Readonly<Record<string, readonly Edit[]>>;
}
