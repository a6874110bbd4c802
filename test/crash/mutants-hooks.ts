/** Loads the modules of the product with the edits of one mutant in them. An edit that does not fit any more is an error. */
import type { Mutant } from './mutants-shape.js';
import { mutants, mutated } from './mutants-table.js';

let mutant: Mutant | undefined;

export function initialize({ name }: { name: string }): void {
  mutant = mutants.find((one) => one.name === name);
  if (!mutant) throw new Error(`there is no mutant ${name}`);
}

interface Loaded {
  source?: unknown;
}

export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<Loaded>) {
  const loaded = await next(url, context);
  const edits = Object.entries(mutant!.edits).find(([module]) => url.endsWith(`/dist/${module}`))?.[1];
  return edits ? { ...loaded, source: mutated(String(loaded.source), edits) } : loaded;
}
