/**
 * Matches byte names against the globs of the options.
 */
import picomatch from 'picomatch';
import { type ByteName, nameOfText, shownName } from '../../linux/names.js';

/** A glob without a slash is matched against the last part of a path. Returns undefined if there are no globs. */
export function matcherOf(globs: readonly string[]): ((path: ByteName) => boolean) | undefined {
  if (globs.length === 0) return undefined;
  const matchers = globs.map((glob) =>
    picomatch(shownName(nameOfText(glob)), { basename: !glob.includes('/'), dot: true }),
  );
  return (path) => {
    const text = globText(path);
    return matchers.some((matches) => matches(text));
  };
}

/**
 * Names that are not UTF-8 are matched with U+FFFD for the invalid bytes. Most names are ASCII and need no decoding.
 */
const globText = (path: ByteName): string => (/[\x80-\xff]/.test(path) ? shownName(path) : path);
