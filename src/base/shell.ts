/**
 * Commands in texts for people. A command stands between backticks, so that a reader and a program see where it ends.
 * Does not: know how this reader has to call it; src/base/config/paste.ts does.
 */
import type { ByteName } from '../linux/index.js';

const PLAIN = /^[\w@%+=:,./-]+$/;
/** Not text, or text that would act on the terminal in which it is shown. A bar would end the sentence of `queue-stat --check`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is for
const UNSHOWN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd|]/;

/** One word for sh. A name that cannot be shown, or is not UTF-8, is written with octal escapes. */
export function quoted(word: string | Uint8Array): string {
  const text = typeof word === 'string' ? word : Buffer.from(word).toString('utf8');
  if (UNSHOWN.test(text)) return `"$(printf '${[...Buffer.from(word)].map(escaped).join('')}')"`;
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const escaped = (byte: number): string => {
  const char = String.fromCharCode(byte);
  return /[\w@+=:,./-]/.test(char) ? char : `\\${byte.toString(8).padStart(3, '0')}`;
};

/** The command with each of its words quoted: `` `ingest-ctl retry ID` ``. `command`: of the product, as COMMANDS has it. */
export const typed = (command: string, ...words: readonly (string | Uint8Array)[]): string =>
  `\`${[command, ...words.map(quoted)].join(' ')}\``;

/** Finds the processes that have a file open. `fuser` and `lsof` are not on every machine; find is. Each answer has a pid. */
export function openersOf(path: ByteName): string {
  const pattern = path.replace(/[\\*?[]/g, '\\$&');
  return `\`sudo find /proc/[0-9]*/fd -lname ${quoted(Buffer.from(pattern, 'latin1'))} 2>/dev/null\``;
}
