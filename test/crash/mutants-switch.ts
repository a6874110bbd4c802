/**
 * Imported before a program (`node --import FILE?mutant=NAME[,NAME]`): one guarantee of the product is broken in that process
 * and its children, perhaps under a condition (mutants-table.ts) that shows it. A switch of the tests alone; the product reads none.
 */
import { register } from 'node:module';

const names = new URL(import.meta.url).searchParams.get('mutant')!.split(',');
register('./mutants-hooks.js', import.meta.url, { data: { names } });
