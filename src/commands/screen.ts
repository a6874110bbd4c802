/** Text on a terminal: how wide and high it is, and how it is cut to the size of the screen. Pure. */

export interface Screen {
  columns: number;
  /** Infinity where there is no height: a pipe, a file. */
  rows: number;
}

/** East Asian letters and pictures take two columns, marks above a letter none (Unicode, UAX 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const NARROW = /\p{Mn}|\p{Me}|\p{Cf}/u;

const widthOfChar = (char: string): number => (WIDE.test(char) ? 2 : NARROW.test(char) ? 0 : 1);

export const widthOf = (text: string): number => [...text].reduce((sum, char) => sum + widthOfChar(char), 0);

/** The rows that a line takes, which the terminal goes on with in the next row. */
export const rowsOf = (line: string, columns: number): number => Math.max(1, Math.ceil(widthOf(line) / columns));

export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let shown = '';
  let width = 0;
  for (const char of text) {
    width += widthOfChar(char);
    if (width > columns - 1) break;
    shown += char;
  }
  return `${shown}…`;
}

/** Spaces that do not lie between two backticks. */
const BETWEEN_WORDS = / (?=(?:[^`]*`[^`]*`)*[^`]*$)/;

/** Lines of at most so many columns. A path that is longer has its own, and so has a command: it is pasted in one piece. */
export function wrapped(text: string, indent: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(BETWEEN_WORDS)) {
    if (line !== '' && widthOf(indent) + widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}

/** As many whole lines as the screen has rows for. */
export function fitting(lines: Iterable<string>, { columns, rows }: Screen): string[] {
  const shown: string[] = [];
  let left = rows;
  for (const line of lines) {
    left -= rowsOf(line, columns);
    if (left < 0) break;
    shown.push(line);
  }
  return shown;
}
