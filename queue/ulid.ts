/**
 * ULIDs: 48 bits of wall-clock ms and 80 random bits in Crockford's base 32, 26 characters that sort by creation.
 * Guarantees: within one process each ULID is greater than the one before, even if the wall clock steps back. Source:
 * https://github.com/ulid/spec
 */
import { randomBytes } from 'node:crypto';

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;

/** The wall-clock ms in a ULID. */
export const msOfUlid = (id: string): number =>
  [...id.slice(0, TIME_DIGITS)].reduce((ms, char) => ms * 32 + DIGITS.indexOf(char), 0);

/** The smallest ULID of that ms. */
export const firstUlid = (ms: number): string => timeDigits(Math.max(0, ms)).padEnd(TIME_DIGITS + RANDOM_DIGITS, '0');

function timeDigits(ms: number): string {
  let digits = '';
  for (let rest = ms, i = 0; i < TIME_DIGITS; i++, rest = Math.floor(rest / 32)) digits = DIGITS[rest % 32] + digits;
  return digits;
}

export function ulidFactory(wallMs: () => number): () => string {
  let lastMs = -1;
  let timePart = '';
  const random = new Uint8Array(RANDOM_DIGITS);

  const rollOver = (ms: number) => {
    lastMs = ms;
    timePart = timeDigits(ms);
    randomBytes(RANDOM_DIGITS).forEach((byte, i) => {
      random[i] = byte & 31;
    });
    random[0]! &= 15; // leaves room to count up within this millisecond
  };

  const countUp = () => {
    for (let i = RANDOM_DIGITS - 1; i >= 0; i--) {
      if (random[i]! < 31) return void random[i]!++;
      random[i] = 0;
    }
  };

  return () => {
    const now = Math.floor(wallMs());
    if (now > lastMs) rollOver(now);
    else countUp();
    let id = timePart;
    for (const digit of random) id += DIGITS[digit];
    return id;
  };
}
