/** The results on disk: one JSON file for each case and number of files; a new run of the same replaces it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BENCH } from './package.mjs';

const FOLDER = join(BENCH, 'results');

export function keep(result) {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, `${result.case}-${result.files}.json`);
  writeFileSync(path, `${JSON.stringify(result, undefined, 1)}\n`);
  return path;
}

/** In the order of the cases, the fewest files first. */
export function kept() {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')))
    .sort((a, b) => (a.case === b.case ? a.files - b.files : a.case < b.case ? -1 : 1));
}
