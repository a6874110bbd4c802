/** The unit of work of a lane, and one entry of the journal: a round, a world of power cuts, a mutant. */
import type { Entry } from './journal.js';
import type { Lane } from './lane.js';
import type { Part } from './parts.js';

export interface Unit {
  part: Part;
  name: string;
  run(lane: Lane): Promise<Entry>;
}

/** The entry of a unit that counts no calls. */
export const entryOf = ({ part, name }: Pick<Unit, 'part' | 'name'>, more: Partial<Entry>): Entry => ({
  part,
  name,
  points: [],
  recoveryCalls: 0,
  retried: false,
  violations: [],
  ...more,
});
