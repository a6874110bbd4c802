/**
 * The arguments of this process, byte for byte. Node decodes them as UTF-8 and loses each byte that is not: then the name of a file
 * would be the name of no file. Such a byte is kept as src/linux/names.ts says.
 * Does not: work without /proc, or after the process has got its title; then the arguments are as Node gives them.
 */
import { readFileSync } from 'node:fs';
import { toUSVString } from 'node:util';
import { isText, textOfBytes } from '../linux/names.js';
import { OperatorError } from './errors.js';

const LOST = '\ufffd';

/** Without the program. */
export function argumentsOf({ argv }: Pick<NodeJS.Process, 'argv'> = process): string[] {
  const decoded = argv.slice(2);
  if (!decoded.some((word) => word.includes(LOST))) return decoded;
  const words = wordsOfProc().slice(-decoded.length);
  const areThese = words.every((word, n) => word.toString('utf8') === decoded[n]);
  return words.length === decoded.length && areThese ? words.map(textOfBytes) : decoded;
}

/** Each word ends with NUL. */
function wordsOfProc(): Buffer[] {
  try {
    const words = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
    return words.map((word) => Buffer.from(word, 'latin1'));
  } catch {
    return [];
  }
}

/** For paths that only text can name: options, and files of SQLite. `origin`: the option or the word. Errors: OperatorError. */
export function refuseBytes(origin: string, given: string): void {
  if (isText(given)) return;
  throw new OperatorError(
    'bad_value',
    `${origin} must be text in UTF-8, but got ${JSON.stringify(toUSVString(given))}; rename it: only names of delivered files may be any bytes.`,
  );
}
