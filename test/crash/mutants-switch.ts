/**
 * Imported before a program (`node --import FILE?mutant=NAME`): one guarantee of the product is broken in that process
 * and its children. A switch of the tests alone; the product reads none.
 */
import { register } from 'node:module';

const name = new URL(import.meta.url).searchParams.get('mutant');
register('./mutants-hooks.js', import.meta.url, { data: { name } });
