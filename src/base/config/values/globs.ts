/**
 * Globs that cannot be meant: they match nothing, because each path is below a root, without empty parts, `.` and `..`, or
 * they match nearly everything. Pure.
 */

/** At the front of a glob picomatch ignores `./`, and takes `!` for a negation. */
const FRONT = /^(?:\.\/)+/;
const NEGATION = /^(?:\.\/)*!(?!\()/;
const GLOB_CHARS_MAX = 65_536;

/**
 * Returns why a glob is refused, with what to write instead; undefined where it may match. Text in braces, parentheses
 * or brackets is not judged.
 */
export function faultOfGlob(glob: string): string | undefined {
  const front = FRONT.exec(glob)?.[0] ?? '';
  const body = glob.slice(front.length);
  const better = (text: string): string => `write ${JSON.stringify(front + text)}`;
  if (glob.length > GLOB_CHARS_MAX) return `it is longer than ${GLOB_CHARS_MAX} characters: write a shorter one`;
  if (NEGATION.test(glob))
    return 'a ! at its front would make it match everything else: leave the ! out, and use the opposite option (include instead of ignore or exclude)';
  if (glob.includes('\0')) return 'no name has a NUL: leave it out';
  if (body === '')
    return `it names nothing${front === '' ? '' : ` after ${front}`}: write a name, or leave the glob out`;
  if (body.startsWith('/'))
    return 'a path is compared without its root: write only the part below the root, without a slash at its front';
  if (body.endsWith('/')) return `no path ends in a slash: ${better(body.replace(/\/+$/, ''))}`;
  if (/^\.\.?(?:\/|$)/.test(body))
    return 'a path below the root never begins with . or .. as a part: leave that part out';
  if (/[{([]/.test(body)) return undefined;
  if (body.includes('//')) return `no part of a path is empty: ${better(body.replace(/\/+/g, '/'))}`;
  if (/\/\.\.?(?:\/|$)/.test(body)) return 'no part of a path is . or ..: leave it out';
  return undefined;
}
