/**
 * Imported before a program (`node --import FILE?mutant=NAME[,NAME]`): one guarantee of the product is broken in that process
 * and its children, perhaps under a condition (mutants-table.ts) that shows it. A switch of the tests alone; the product
 * reads none. An edit that does not fit any more is an error.
 */
import { hookModules } from '../world/out-of-modules.js';
import { conditions, mutants, mutated } from './mutants-table.js';

const names = new URL(import.meta.url).searchParams.get('mutant')!.split(',');
const edits = names.flatMap((name) => {
  const one = mutants.find((mutant) => mutant.name === name)?.edits ?? conditions[name];
  if (!one) throw new Error(`there is no mutant ${name}`);
  return Object.entries(one);
});

hookModules({
  load(url, context, next) {
    const loaded = next(url, context);
    const mine = edits.filter(([module]) => url.endsWith(`/dist/${module}`)).flatMap(([, all]) => all);
    return mine.length > 0 ? { ...loaded, source: mutated(String(loaded.source), mine) } : loaded;
  },
});
