/** What a case has to reach, beside what it reached. A bar whose contestants did not run says nothing. */
import { summaryOf } from './statistics.mjs';

export const medianOf = (rows, id, key) => summaryOf(rows.find((row) => row.id === id)?.runs ?? [], key)?.median;

/** How many times as much `id` has of it as `other`. */
export function ratioOf(rows, id, other, key) {
  const [one, two] = [medianOf(rows, id, key), medianOf(rows, other, key)];
  return one === undefined || two === undefined ? undefined : one / two;
}

export const atLeast = (what, bar, value) =>
  judged(what, `at least ${bar.toLocaleString('en-US')}`, value, value >= bar);
export const atMost = (what, bar, value) => judged(what, `at most ${bar.toLocaleString('en-US')}`, value, value <= bar);

const judged = (what, bar, value, met) => (Number.isFinite(value) ? { what, bar, value, met } : undefined);
