/**
 * The messages about SOURCE and DEST as a whole.
 */
import { EnvironmentError } from '../../base/errors.js';

/** For each code of SourceMissing that is not an errno name: the error code, what is wrong, and what to do. */
const SOURCE_SAYS: Record<string, { code: string; meaning: string }> = {
  unmounted: {
    code: 'source_missing',
    meaning:
      'was a mount point and is none now, so its filesystem is missing; mount it, or start once with --adopt if it is meant to be like this',
  },
  emptied: {
    code: 'source_missing',
    meaning:
      'is another directory than last time, and empty; mount or restore what belongs there, or start once with --adopt --allow-empty-source if DEST shall be emptied too',
  },
  replaced: {
    code: 'source_replaced',
    meaning:
      'is another directory than last time: it was made again, restored, or is on another filesystem; mount or restore the former one, or start with --adopt once if this one takes its place (what it does not have is removed from DEST)',
  },
  ENOENT: {
    code: 'source_missing',
    meaning: 'is not there (ENOENT); mount or restore it, or correct the path',
  },
  ELOOP: {
    code: 'source_missing',
    meaning:
      'now leads through a symlink, perhaps to another directory; put the mirrored directory back, or start with the intended path',
  },
  empty: {
    code: 'source_empty',
    meaning:
      'is empty and DEST is not; mount or restore what belongs there, or start with --allow-empty-source if DEST shall be emptied too',
  },
};

/** For a code of SourceMissing: the code of the error, and what it means. */
export const sourceSays = (code: string) =>
  SOURCE_SAYS[code] ?? {
    code: 'source_missing',
    meaning: `cannot be opened (${code}); check the path, its mount and its permissions`,
  };

export function sourceError(source: string, why: string): EnvironmentError {
  const { code, meaning } = sourceSays(why);
  return new EnvironmentError(
    code,
    `SOURCE must be the directory that DEST is the mirror of, but ${source} ${meaning}.`,
  );
}

export const destMeaning = (code: string): string =>
  DEST_SAYS[code] ?? `cannot be used (${code}); check the path, its mount and its permissions`;

const DEST_SAYS: Record<string, string> = {
  no_marker:
    'is not the folder that was claimed: its filesystem is not mounted, or another folder is there; mount or restore it',
  dest_in_use: 'is used by another mirror (ingest-replicate, or a program with this library) now; stop that one',
};

export function destError(dest: string, code: string): EnvironmentError {
  return new EnvironmentError(
    'dest_missing',
    `DEST must stay the folder that was claimed, but ${dest} ${destMeaning(code)}, and start again.`,
  );
}
