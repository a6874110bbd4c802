/** Where things lie, and what has to be there before anything is measured. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const PACKAGE = resolve(import.meta.dirname, '../..');
export const BENCH = join(PACKAGE, 'bench');
export const PROGRAMS = join(BENCH, 'peers/programs');

/** The sentence that says what to install; undefined when nothing is missing. */
export function notReady() {
  if (!existsSync(join(PACKAGE, 'dist/src'))) return 'The product is not built: run `npm run build` first.';
  if (!existsSync(join(BENCH, 'node_modules')))
    return 'The peers and the charts are a package of their own: run `npm --prefix bench ci` first (it compiles two SQLite bindings where no prebuilt ones can be reached; chokidar + BullMQ also needs Redis: `apt-get install redis-server`).';
  return undefined;
}
