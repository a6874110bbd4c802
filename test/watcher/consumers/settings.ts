/**
 * Which names are reported: as options of a watcher, and as this test understands them independently.
 */
import { baseOf, folderOf } from '../../../src/files/job-paths.js';
import type { ByteName } from '../../../src/linux/names.js';
import type { WatcherOptions } from '../../../src/watcher/index.js';

export type Tells = (path: ByteName, isDirectory: boolean) => boolean;
export type Told = Required<Pick<WatcherOptions, 'hidden' | 'recursive' | 'ignore' | 'tempSuffixes'>> &
  Pick<WatcherOptions, 'include'>;

export const ALL: Told = { hidden: true, recursive: true, ignore: [], tempSuffixes: [] };

/** Globs of `ignore`, and what they match: with a slash the whole path, otherwise its last part. */
const IGNORED: Record<string, (path: ByteName) => boolean> = {
  f1: (path) => baseOf(path) === 'f1',
  d2: (path) => baseOf(path) === 'd2',
  'h*': (path) => baseOf(path).startsWith('h'),
  'd0/d1': (path) => path === 'd0/d1',
  'd1/f*': (path) => /^d1\/f[^/]*$/.test(path),
};
const INCLUDED: Record<string, (base: string) => boolean> = {
  'f*': (base) => base.startsWith('f'),
  's*': (base) => base.startsWith('s'),
};

export function drawTold(draw: (n: number) => number): Told {
  const include = draw(4) === 0 ? [['f*'], ['f*', 's*']][draw(2)]! : undefined;
  return {
    hidden: draw(2) === 0,
    recursive: draw(6) > 0,
    ignore: Object.keys(IGNORED).filter(() => draw(5) === 0),
    tempSuffixes: draw(4) === 0 ? ['.new0', '3'] : [],
    ...(include !== undefined && { include }),
  };
}

/** Entries below an excluded directory are excluded. */
export function tellsOf({ hidden, recursive, ignore, tempSuffixes, include }: Told): Tells {
  const tellsName = (path: ByteName, isDirectory: boolean): boolean => {
    const base = baseOf(path);
    if (!hidden && base.startsWith('.')) return false;
    if (ignore.some((glob) => IGNORED[glob]!(path))) return false;
    if (isDirectory) return true;
    if (tempSuffixes.some((ending) => base.endsWith(ending))) return false;
    return include === undefined || include.some((glob) => INCLUDED[glob]!(base));
  };
  const tells: Tells = (path, isDirectory) => {
    if (!tellsName(path, isDirectory)) return false;
    const above = folderOf(path);
    return above === '' || (recursive && tells(above, true));
  };
  return tells;
}
