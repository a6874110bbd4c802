/** The sentences that the runbook quotes, compared with what `queue-stat` says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from './program.js';

export const RUNBOOK = readFileSync(join(PACKAGE, 'ops/runbook.md'), 'utf8');

/** The quote as a pattern. Figures, names of users and dots match any. */
export function patternOf(quote: string): RegExp {
  const pattern = quote
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\\\(by \w+\\\)/, '\\(by \\w+\\)')
    .replace(/\d+(\\\.\d+)? (MiB|files wait|file is|checks)/g, '[^;]+')
    .replace(/\d+/g, '\\d+')
    .replaceAll('…', '.*');
  return new RegExp(pattern);
}

/** Whether an operator who searches the runbook for this sentence finds a section. */
export const isInRunbook = (sentence: string): boolean =>
  [...RUNBOOK.matchAll(/^> (.+)$/gm)].some(([, quote]) => patternOf(quote!).test(sentence));
