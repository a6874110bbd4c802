/** Random numbers from a seed, fast enough for a million operations (mulberry32, public domain). */

function words(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Returns a whole number from 0 to below `n`. */
export function chance(seed: number): (n: number) => number {
  const next = words(seed);
  return (n) => next() % n;
}

/** Returns a number from 0 to below 1. */
export function fractions(seed: number): () => number {
  const next = words(seed);
  return () => next() / 2 ** 32;
}
