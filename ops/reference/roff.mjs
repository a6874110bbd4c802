/** Words of a man page in the macros of man(7). Plain ASCII comes out, so that every locale shows it. */

const ASCII = { '…': '...', '→': '->', '×': 'x', '–': '-' };

/** Text as groff takes it: `code` is bold, every dash can be copied. */
export function text(words) {
  return words
    .replace(/[…→×–]/g, (sign) => ASCII[sign])
    .replaceAll('\\', '\\(rs')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/\b([a-z]+(?:\\-[a-z.]+)*)\((\d)\)/g, '\\fB$1\\fR($2)')
    .replace(/^([.'])/gm, '\\&$1');
}

/** An option or word as it is typed is bold, its value in italics. */
export function flag(words) {
  const [, name, value] = /^(\S+)(?: (.*))?$/.exec(words);
  const bold = `\\fB${text(name)}\\fR`;
  return value === undefined ? bold : `${bold} \\fI${text(value)}\\fR`;
}

export const section = (name) => `.SH ${text(name.toUpperCase())}\n`;
export const subsection = (name) => `.SS ${text(name)}\n`;
export const paragraphs = (words) =>
  words
    .split('\n\n')
    .map((paragraph) => `.PP\n${text(paragraph)}\n`)
    .join('');
/** `head` is roff already. */
export const item = (head, words) => `.TP\n${head}\n${text(words)}\n`;
/** Lines as they are. */
export const literal = (lines) => `.PP\n.EX\n${lines.map(text).join('\n')}\n.EE\n`;
/** Without a date: the same source makes the same page. */
export const title = (name, number, version) =>
  `.\\" Made by ops/reference from the schema of the options.\n.TH ${text(name.toUpperCase())} ${number} "" "Atomic Ingestor ${version}" "Atomic Ingestor"\n.nh\n.ad l\n`;
