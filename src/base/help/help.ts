/**
 * The text of --help: usage, examples and what a first hour needs, on one screen. The text of --help-all: every option in groups
 * with its default, and the exit codes.
 * Guarantees: no line is longer than 80 columns, but for a word that is.
 * Does not: print it.
 */
import { COMMANDS, type CommandSpec, CTL_PROGRAM, CTL_VERBS } from '../config/commands.js';
import { VERB_GROUPS } from '../config/ctl-verbs.js';
import {
  exitCodesOf,
  isFirst,
  type OptionText,
  SIZES,
  sectionsOf,
  shortOptionsOf,
  TIMES,
  takesSizes,
  takesTimes,
  usageOf,
} from './describe.js';

const WIDTH = 80;
const INDENT = 30;
/** The columns of a flag in the short help. */
const SHORT_INDENT = 28;
/** A terminal has 24; the last one is for the next command. */
const SCREEN_LINES = 23;
/** Further lines of a command that is continued. */
const CONTINUED = 6;

/** All options where they fit, else those of a first hour. */
export function shortHelp(spec: CommandSpec): string {
  const options = shortOptionsOf(spec);
  const whole = withOptions(spec, options);
  const fits = whole.split('\n').length - 1 <= SCREEN_LINES;
  return fits
    ? whole
    : withOptions(
        spec,
        options.filter(({ name }) => isFirst(spec, name)),
      );
}

function withOptions(spec: CommandSpec, options: readonly OptionText[]): string {
  const lines = options.map(({ flag, text, note }) => {
    const withNote = `${text} (${note})`;
    const hasRoom = note !== '' && note !== 'needed' && withNote.length <= WIDTH - SHORT_INDENT;
    return item(flag, hasRoom ? withNote : text, SHORT_INDENT);
  });
  const more = paragraph(`All of it: ${spec.name} --help-all, or man ${spec.name.replace(' ', '-')}.`);
  return [...topOf(spec), `Options:\n${lines.join('')}`, more].join('\n');
}

const topOf = (spec: CommandSpec): string[] => [
  paragraph(spec.summary),
  `Usage: ${hanging(`${spec.name} ${usageOf(spec)}`, WIDTH - 7, 12).join('\n')}\n`,
  `Examples:\n${spec.examples.map((example) => `  ${shellLines(example, WIDTH - 2).join('\n  ')}\n`).join('')}`,
];

export function fullHelp(spec: CommandSpec): string {
  const sections = sectionsOf(spec).map(({ group, options }) => `${group}:\n${options.map(optionLines).join('')}`);
  const codes = exitCodesOf(spec).map(([code, meaning]) => item(code, meaning, 9));
  return [
    ...topOf(spec),
    ...spec.about.split('\n\n').map(paragraph),
    ...sections,
    ...(takesTimes(spec) ? [paragraph(TIMES)] : []),
    ...(takesSizes(spec) ? [paragraph(SIZES)] : []),
    paragraph(sourcesOf(spec)),
    `Exit codes:\n${codes.join('')}`,
  ].join('\n');
}

const SHORT = ['input', 'log-level', 'process'];

/** The paragraph on the other places of an option. */
export function sourcesOf(spec: CommandSpec): string {
  const options = sectionsOf(spec).flatMap((section) => section.options);
  const example =
    options.find(({ name }) => name === 'stability-seconds') ??
    options.find(({ name }) => SHORT.includes(name)) ??
    options.find(({ variable }) => variable !== undefined)!;
  const flagsOnly = options.filter(({ variable }) => variable === undefined).map(({ name }) => `--${name}`);
  const notInFile = options.filter(({ variable, key }) => variable && !key).map(({ name }) => `--${name}`);
  const value = example.meta.example;
  return [
    'An option may also stand in the environment or in the file of --config:',
    `--${example.name} ${value} is ${example.variable}=${value} or "${example.name}: ${value}".`,
    'A flag counts more than the environment, the environment more than the file.',
    `Flags only: ${flagsOnly.join(', ')}. Not in the file: ${notInFile.join(', ')}.`,
  ].join(' ');
}

function optionLines({ flag, text, note }: OptionText): string {
  return item(flag, note === '' ? text : `${text} (${note})`, INDENT);
}

/** `head` in the first column, `text` in the second; `head` has a line of its own where it is wider. */
export function item(head: string, text: string, indent: number): string {
  const [first, ...more] = wrap(text, WIDTH - indent).map((line) => ' '.repeat(indent) + line);
  const isShort = head.length + 4 <= indent;
  const top = isShort ? [`  ${head}`.padEnd(indent) + first!.trimStart()] : [`  ${head}`, first!];
  return [...top, ...more].map((line) => `${line}\n`).join('');
}

export const paragraph = (text: string): string => `${wrap(text, WIDTH).join('\n')}\n`;

/** The first line is `width` wide; further ones are indented. */
function hanging(text: string, width: number, indent: number): string[] {
  return wrap(text, width).map((line, at) => (at === 0 ? line : ' '.repeat(indent) + line));
}

/** A command line in several, as a shell takes it. */
export function shellLines(text: string, width: number): string[] {
  const lines: string[] = [];
  // An option stays together with its value.
  for (const part of text.split(/ (?=--)/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + part.length + 3 <= width) lines[lines.length - 1] = `${line} ${part}`;
    else lines.push(line === undefined ? part : ' '.repeat(CONTINUED) + part);
  }
  return lines.map((line, at) => (at < lines.length - 1 ? `${line} \\` : line));
}

export function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

const VERB_INDENT = 22;
const SHORT_VERB_INDENT = 12;
/** So many groups have a line for each verb on the screen; of the rest there are the names. */
const SHORT_GROUPS = 3;

const CTL_TOP = [
  paragraph(CTL_PROGRAM.summary),
  'Usage: ingest-ctl VERB [OPTIONS]\n',
  `Examples:\n${CTL_PROGRAM.examples.map((example) => `  ${shellLines(example, 78).join('\n  ')}\n`).join('')}`,
];

const verbsOf = (group: string) => CTL_VERBS.filter((verb) => COMMANDS[verb].group === group);

/** The verbs of `ingest-ctl` on one screen: those for looking and for held files. */
export function shortOverview(): string {
  const [first, rest] = [VERB_GROUPS.slice(0, SHORT_GROUPS), VERB_GROUPS.slice(SHORT_GROUPS)];
  return [
    ...CTL_TOP,
    first
      .flatMap(verbsOf)
      .map((verb) => item(verb, COMMANDS[verb].summary, SHORT_VERB_INDENT))
      .concat(item('also:', rest.flatMap(verbsOf).join(', '), SHORT_VERB_INDENT))
      .join(''),
    paragraph('All of it: ingest-ctl help VERB, ingest-ctl --help-all, or man ingest-ctl.'),
  ].join('\n');
}

/** Every verb, in groups. */
export function overview(): string {
  const groups = VERB_GROUPS.map(
    (group) =>
      `${group}:\n${verbsOf(group)
        .map((verb) => item(headOf(verb), COMMANDS[verb].summary, VERB_INDENT))
        .join('')}`,
  );
  return [
    ...CTL_TOP,
    ...groups,
    paragraph(
      'ingest-ctl help VERB lists the options of a verb; so does ingest-ctl VERB --help. A verb finds the state by --state-path, --input or --config, or else by /etc/atomic-ingestor/config.yaml.',
    ),
  ].join('\n');
}

const headOf = (verb: (typeof CTL_VERBS)[number]): string => `${verb} ${COMMANDS[verb].words}`.trim();
