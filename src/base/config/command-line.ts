/**
 * Flags and words of a command line, raw: values are strings, switches true or false, lists arrays.
 * Guarantees: an unknown flag, a flag twice, a missing value or one word too many is refused with a sentence.
 * Does not: check values; read.ts does, the same way for flags, environment and file.
 */
import meow from 'meow';
import { OperatorError } from '../errors.js';
import { type CommandSpec, OPTION_NAMES } from './commands.js';
import { allFields } from './schema.js';
import { suggestion } from './values/nearest.js';

export interface CommandLine {
  flags: Map<string, unknown>;
  words: string[];
}

export function readCommandLine(spec: CommandSpec, given: readonly string[]): CommandLine {
  const argv = given.map((token) => withoutAlias(spec, token));
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
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) flags.set(name, value);
  }
  const words = parsed.input.map(String);
  if (words.length > spec.wordsMax) {
    throw new OperatorError(
      'unexpected_word',
      `${spec.name} does not take the word ${JSON.stringify(words[spec.wordsMax])}; a value follows its option directly, and ${spec.name} --help lists the options.`,
    );
  }
  return { flags, words };
}

function withoutAlias({ aliases = {} }: CommandSpec, token: string): string {
  const [, written, rest] = /^--([a-z-]+)(=.*)?$/s.exec(token) ?? [];
  const name = written === undefined ? undefined : aliases[written];
  return name === undefined ? token : `--${name}${rest ?? ''}`;
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
        `--${written} is not an option of ${spec.name}; leave it out, or see ${spec.name} --help for what it takes.`,
      );
    }
  }
  const hint = suggestion(written, spec.options, '--');
  throw new OperatorError(
    'unknown_option',
    `${JSON.stringify(token)} is not an option of ${spec.name}; ${hint}${spec.name} --help lists all options.`,
  );
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

const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
