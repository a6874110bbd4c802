/** What is said of SOURCE and DEST as places. */
import { EnvironmentError } from '../errors.js';

const SOURCE_MEANING: Record<string, string> = {
  unmounted: 'was a mount point and is none now, so its filesystem is missing; mount it',
  emptied: 'is another directory than at the last time, and empty; mount or restore what belongs there',
};

export function sourceError(source: string, code: string): EnvironmentError {
  const meaning = SOURCE_MEANING[code] ?? `cannot be opened (${code}); check the path, its mount and its permissions`;
  return new EnvironmentError(
    'source_missing',
    `SOURCE must be the directory that DEST is the mirror of, but ${source} ${meaning}, or add --adopt once if it is meant to be like this.`,
  );
}

export function destError(dest: string, code: string): EnvironmentError {
  const meaning = code === 'no_marker' ? 'is another folder by now' : `cannot be used (${code})`;
  return new EnvironmentError(
    'dest_missing',
    `DEST must stay the folder that was claimed, but ${dest} ${meaning}; mount or restore it, check its permissions, and start again.`,
  );
}
