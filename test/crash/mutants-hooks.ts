/** Loads the modules of the product with the edits of one mutant in them. An edit that does not fit any more is an error. */
import type { Edit } from './mutants-shape.js';
import { conditions, mutants, mutated } from './mutants-table.js';

let edits: [module: string, edits: readonly Edit[]][] = [];

export function initialize({ names }: { names: readonly string[] }): void {
  edits = names.flatMap((name) => {
    const one = mutants.find((mutant) => mutant.name === name)?.edits ?? conditions[name];
    if (!one) throw new Error(`there is no mutant ${name}`);
    return Object.entries(one);
  });
}

interface Loaded {
  source?: unknown;
}

export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<Loaded>) {
  const loaded = await next(url, context);
  const mine = edits.filter(([module]) => url.endsWith(`/dist/${module}`)).flatMap(([, all]) => all);
  return mine.length > 0 ? { ...loaded, source: mutated(String(loaded.source), mine) } : loaded;
}
