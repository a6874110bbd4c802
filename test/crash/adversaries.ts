/** All adversaries, in the order of the report, and the text that shows the run of one. */
import type { Adversary, AdversaryReport } from './adversary.js';
import { clocks } from './adversary-clocks.js';
import { crowd } from './adversary-crowd.js';
import { pauses } from './adversary-pauses.js';
import { places } from './adversary-places.js';
import { racing, racingByLinks } from './adversary-racing.js';
import { storms } from './adversary-storms.js';
import { uploader } from './adversary-uploader.js';

export const ADVERSARIES: readonly Adversary[] = [
  uploader,
  pauses,
  clocks,
  crowd,
  places,
  storms,
  racing,
  racingByLinks,
];

export function shown(name: string, { figures, violations, notTested }: AdversaryReport): string[] {
  return [
    `${name}: ${violations.length} violations`,
    ...Object.entries(figures).map(([what, figure]) => `  ${what}: ${figure}`),
    ...violations.slice(0, 40).map(({ kind, what }) => `  VIOLATION ${kind}: ${what}`),
    ...notTested.map((sentence) => `  not tested: ${sentence}`),
  ];
}
