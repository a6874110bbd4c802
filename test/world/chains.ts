/**
 * A chain that checks and splits, files for it, and the expected outputs of each file.
 */
import { writeFileSync } from 'node:fs';
import { sha256 } from './dropping.js';
import { asConfiguration, type Chain } from './layout.js';
import type { World } from './world.js';

export const HEADER = 'id,country,amount';

/** Records with a bad amount are rejected; the others go to an output of their country. */
export const BY_COUNTRY: Chain = {
  format: 'csv',
  start: 'check',
  steps: {
    check: { header: HEADER.split(','), columns: { amount: 'number' }, next: 'route', else: 'reject' },
    route: { use: 'split', by: 'country' },
  },
  reject: { max: '50%' },
};

export interface Orders {
  text: string;
  /** SHA-256 of each output, by its tag. */
  made: Record<string, string>;
}

/** `n` records, one in ten of them bad. `mark` makes the content different from others. */
export function orders(mark: string, n: number, countries: readonly string[] = ['DE', 'FR']): Orders {
  const by = new Map<string, string[]>();
  const lines = Array.from({ length: n }, (_, i) => {
    const country = countries[i % countries.length]!;
    const isBad = i % 10 === 9;
    const line = `${mark}-${i},${country},${isBad ? 'much' : i}`;
    const tag = isBad ? 'reject' : country;
    by.set(tag, [...(by.get(tag) ?? []), line]);
    return line;
  });
  const textOf = (some: readonly string[]): string => `${[HEADER, ...some].join('\n')}\n`;
  return {
    text: textOf(lines),
    made: Object.fromEntries([...by].map(([tag, some]) => [tag, sha256(textOf(some))])),
  };
}

/** A header that the chain refuses: the file is held. */
export const broken = (mark: string): string => `id,land,amount\n${mark},DE,1\n`;

/** Changes the chain of that feed for the next start of a program; undefined removes it. */
export function changeChain(world: World, feed: string, chain: Chain | undefined): void {
  const feeds = world.feeds.map((one) =>
    one.name === feed ? { ...one, options: { ...one.options, process: chain } } : one,
  );
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
}
