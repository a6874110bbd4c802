/** The plan of a sequence: its feeds and options, and what all sequences share. */

/** Two have the same size, so that sizes alone prove nothing. One is empty. */
export const SIZES = [700, 700, 300, 0];
export const NAMES = ['x.csv', 'y.csv', 'z.csv'];
export const MAX_BYTES = 500;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const BEGIN_MS = Date.UTC(2030, 0, 2);

/** A chain that puts all records into one output. */
export const ALL = { format: 'lines', start: 'check', steps: { check: { next: 'all' } } };

/** A line with this many bytes. */
export const textOf = (random: Buffer): Buffer =>
  random.length === 0 ? random : Buffer.from(`${random.toString('hex').slice(0, random.length - 1)}\n`);

export interface Plan {
  seed: string;
  /** Jobs go through two stages in one claim, or stage by stage. */
  straight: boolean;
  sidecars: boolean;
  /** Each file that is not empty is made into one output. */
  chain: boolean;
  /** Two feeds get the same contents, in two warehouses or in one. */
  feeds: 'one' | 'two warehouses' | 'one warehouse';
  /** The hour of the day at the beginning. */
  hour: number;
  ground: string;
}
