/**
 * The caller's options, raw: flags and words of a command line, and options in the environment (`INGEST_STABILITY_SECONDS=5`; an
 * empty variable counts as not set).
 * Flags and words: values are strings, switches true or false, lists arrays.
 * Guarantees: an unknown flag, a flag twice, a missing value or one word too many is refused with a sentence.
 * Does not: check values; read.ts does, the same way for flags, environment and file.
 */
import meow from 'meow';
import { refuseBytes } from '../arguments.js';
import { OperatorError } from '../errors.js';
import { type CommandSpec, OPTION_NAMES } from './commands.js';
import { TOKEN_VARIABLE } from './dashboard.js';
import { SECRET_VARIABLE } from './notify.js';
import { camel } from './options.js';
import { allFields, feedFields, serviceFields } from './schema.js';
import { firstSentence, flagOf } from './values/field.js';
import { nearest } from './values/nearest.js';

export interface CommandLine {
  flags: Map<string, unknown>;
  words: string[];
}

export function readCommandLine(spec: CommandSpec, argv: readonly string[]): CommandLine {
  refuseBadTokens(spec, argv);
  const flagTypes = Object.fromEntries(spec.options.map((name) => [camel(name), flagType(name)]));
  const parsed = meow('', {
    importMeta: import.meta,
    pkg: {}, // otherwise it looks for a package.json, which nothing here needs
    argv: [...argv],
    flags: flagTypes,
    autoHelp: false,
    autoVersion: false,
    allowUnknownFlags: true,
    booleanDefault: undefined,
  });
  const flags = new Map<string, unknown>();
  for (const name of spec.options) {
    const value = parsed.flags[camel(name)];
    if (typeof value === 'string') refuseBytes(`--${name}`, value);
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) flags.set(name, value);
  }
  const words = parsed.input.map(String);
  if (words.length > spec.wordsMax) {
    throw new OperatorError(
      'unexpected_word',
      `${spec.name} does not take the word ${JSON.stringify(words[spec.wordsMax])}; a value follows its option directly, and ${spec.name} --help-all lists the options.`,
    );
  }
  return { flags, words };
}

function flagType(name: string) {
  const { kind } = allFields[name]!.meta;
  if (kind === 'switch') return { type: 'boolean' as const, ...(name === 'help' ? { shortFlag: 'h' as const } : {}) };
  return kind === 'list' ? { type: 'string' as const, isMultiple: true as const } : { type: 'string' as const };
}

/** The parser below guesses where a flag is unknown, written twice or without a value; a data pipeline must not. */
function refuseBadTokens(spec: CommandSpec, argv: readonly string[]): void {
  const seen = new Set<string>();
  for (let i = 0; i < argv.length && argv[i] !== '--'; i++) {
    const token = argv[i]!;
    if (!token.startsWith('-') || token === '-' || token === '-h') continue;
    const [, dashes, written, equals] = /^(--?)([^=]*)(=?)/s.exec(token)!;
    const name = knownName(spec, dashes!, written!, token);
    const { kind } = allFields[name]!.meta;
    if (seen.has(name) && kind !== 'list') {
      throw new OperatorError(
        'option_twice',
        `--${name} may be given once, but is there twice; leave one of the two out.`,
      );
    }
    seen.add(name);
    if (kind === 'switch') {
      refuseSwitchValue(name, token);
    } else if (!equals) {
      refuseMissingValue(name, argv[++i]);
    } else if (token.endsWith('=') && token.length === dashes!.length + written!.length + 1) {
      refuseMissingValue(name, undefined);
    }
  }
}

function knownName(spec: CommandSpec, dashes: string, written: string, token: string): string {
  if (dashes === '--') {
    if (spec.options.includes(written)) return written;
    const positive = written.replace(/^no-/, '');
    if (positive !== written && spec.options.includes(positive) && allFields[positive]!.meta.kind === 'switch') {
      return positive;
    }
    if (OPTION_NAMES.includes(written)) {
      throw new OperatorError(
        'unknown_option',
        `--${written} is not an option of ${spec.name}; leave it out, or see ${spec.name} --help-all for what it takes.`,
      );
    }
  }
  const near = nearest(written, spec.options);
  const hint = near === undefined ? '' : `did you mean ${lineOf(spec, near)} `;
  throw new OperatorError(
    'unknown_option',
    `${JSON.stringify(token)} is not an option of ${spec.name}; ${hint}${spec.name} --help-all lists all options.`,
  );
}

/** `--order arrival|name: which complete files are taken first?` */
function lineOf({ means }: CommandSpec, name: string): string {
  const { meta } = allFields[name]!;
  const text = firstSentence(means?.[name] ?? meta.description).replace(/\.$/, '?');
  return `${flagOf(name, meta)}: ${text.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase())}`;
}

function refuseSwitchValue(name: string, token: string): void {
  const value = /=(.*)$/s.exec(token)?.[1];
  if (value === undefined || (!token.startsWith('--no-') && (value === 'true' || value === 'false'))) return;
  throw new OperatorError(
    'bad_value',
    `--${name} is a switch and must be true or false, but got ${value === '' ? 'nothing' : JSON.stringify(value)}; write --${name} or --no-${name}.`,
  );
}

function refuseMissingValue(name: string, next: string | undefined): void {
  if (next !== undefined && (!next.startsWith('-') || next === '-' || /^-\d/.test(next))) return;
  const { example, rule } = allFields[name]!.meta;
  const found = next === undefined ? 'nothing follows it' : `${JSON.stringify(next)} follows it`;
  throw new OperatorError(
    'missing_value',
    `--${name} must be ${rule}, but ${found}; write for example --${name}=${example}.`,
  );
}

export const variableOf = (option: string): string => `INGEST_${option.toUpperCase().replaceAll('-', '_')}`;

const READ = [...Object.keys(feedFields), ...Object.keys(serviceFields), 'config'];
const VARIABLES = new Map(READ.map((name) => [variableOf(name), name]));

export function readEnvironment(env: NodeJS.ProcessEnv): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('INGEST_') || value === undefined || value === '') continue;
    const option = VARIABLES.get(variable);
    if (option !== undefined) values.set(option, value);
    else if (variable !== TOKEN_VARIABLE && variable !== SECRET_VARIABLE) refuseSlip(variable);
  }
  return values;
}

/** Container platforms set variables of their own, such as INGEST_SERVICE_HOST, so only a slip of the hand is refused. */
function refuseSlip(variable: string): void {
  const near = nearest(
    variable.slice('INGEST_'.length),
    [...VARIABLES.keys()].map((name) => name.slice('INGEST_'.length)),
  );
  if (near === undefined) return;
  throw new OperatorError(
    'unknown_variable',
    `the environment variable ${variable} is not one that is read; did you mean INGEST_${near}? Rename or unset it.`,
  );
}
