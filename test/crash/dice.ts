/** Random numbers that a seed repeats. */
import { contents } from '../world/dropping.js';

/** A number from 0 to below `n`. */
export function dice(seed: string): (n: number) => number {
  const draw = contents(seed);
  return (n) => draw(4).readUInt32LE() % n;
}

export function shuffled<T>(items: readonly T[], seed: string): T[] {
  const below = dice(seed);
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}
