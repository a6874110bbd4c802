/** docs/errors.md: its headings and prose stay, each row is made from the catalogue. A new code needs a row with its name first. */
import { CATALOGUE } from '../../dist/src/base/errors.js';

/** A code that may pass by itself is named so. The first sentence of a section has the exit code of its codes. */
const PASSES = ' *May pass by itself.*';

export const errorsPage = (page) => page.replace(/^\| `(\w+)` \|.*$/gm, (line, code) => rowOf(code) ?? line);

function rowOf(code) {
  const entry = CATALOGUE[code];
  if (entry === undefined) return undefined;
  return `| \`${code}\` | ${entry.hint}${entry.retryable ? PASSES : ''} |`;
}
