/** Tags: the name of the step or output that gets a record, and the form of that name in a file name. */

/** The longest tag, percent-encoded. It is placed between the name of the input and its extension. */
export const TAG_CHARS_MAX = 120;
const EMPTY = '_empty';

/**
 * Letters, digits, `-` and `_` as they are, each other byte as `%XX`; the empty tag is `_empty`. Different tags have different
 * names. Undefined where the name would be too long.
 */
export function nameOfTag(tag: string): string | undefined {
  if (tag === '') return EMPTY;
  if (tag.length > TAG_CHARS_MAX) return undefined;
  let name = '';
  for (const byte of Buffer.from(tag, 'utf8')) {
    const sign = String.fromCharCode(byte);
    const isPlain = name === '' ? /[A-Za-z0-9]/.test(sign) : /[A-Za-z0-9_-]/.test(sign);
    name += isPlain ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return name.length <= TAG_CHARS_MAX ? name : undefined;
}
