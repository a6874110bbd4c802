/**
 * The options of a command in words: the one source of --help, --help-all, the man pages, the completions and docs/options.md. Pure.
 * Does not: lay it out.
 */

import { variableOf } from '../config/command-line.js';
import type { CommandSpec } from '../config/commands.js';
import { NOT_IN_FILE } from '../config/file.js';
import { allFields, FIRST_HOUR, feedFields, GROUPS, mirrorFields, viewFields } from '../config/schema.js';
import { type FieldMeta, firstSentence, flagOf } from '../config/values/field.js';

export type OptionText = ReturnType<typeof optionText>;

/** The options of a command under their headings. */
export function sectionsOf(spec: CommandSpec): { group: string; options: OptionText[] }[] {
  const options = spec.options.map((name) => ({ group: groupOf(spec, name), option: optionText(spec, name) }));
  return GROUPS.map((group) => ({
    group,
    options: options.filter((one) => one.group === group).map(({ option }) => option),
  })).filter(({ options }) => options.length > 0);
}

/** The options of a command without those that ask for help, each with its first sentence. */
export const shortOptionsOf = (spec: CommandSpec): OptionText[] =>
  sectionsOf(spec)
    .flatMap(({ options }) => options)
    .filter(({ name }) => !ASKED.includes(name))
    .map((one) => ({ ...one, text: firstSentence(one.text) }));

/** A command that needs --input finds its state by it. */
export const isFirst = ({ needs }: CommandSpec, name: string): boolean =>
  FIRST_HOUR.has(name) && !(name === 'state-path' && needs.includes('input'));

/** --input without --warehouse only says which state is meant. */
const onlyFinds = (spec: CommandSpec, name: string): boolean => name === 'input' && !spec.options.includes('warehouse');

const groupOf = (spec: CommandSpec, name: string): string =>
  allFields[onlyFinds(spec, name) ? 'state-path' : name]!.meta.group;

function optionText(spec: CommandSpec, name: string) {
  const { meta } = allFields[name]!;
  const isOn = meta.kind === 'switch' && meta.defaultText === 'on';
  const means = onlyFinds(spec, name) ? 'Find the state that ingest made for this input.' : meta.description;
  const isFlagOnly = Object.hasOwn(viewFields, name) || Object.hasOwn(mirrorFields, name) || ASKED.includes(name);
  return {
    name,
    /** The words that are typed: `--mode stability|sidecar`, `--[no-]recursive`. */
    flag: flagOf(isOn ? `[no-]${name}` : name, meta),
    /** Sentences. */
    text: spec.means?.[name] ?? means,
    /** `needed`, `default: 10s`, `on by default`, or ''. */
    note: spec.needs.includes(name) ? 'needed' : defaultOf(meta),
    meta,
    /** Undefined: the option is a flag only. */
    variable: isFlagOnly ? undefined : variableOf(name),
    /** The place of its key in the configuration file. Undefined: it has none. */
    key: isFlagOnly || NOT_IN_FILE.includes(name) || name === 'config' ? undefined : keyOf(name),
  };
}

const ASKED = ['help', 'help-all', 'version'];
const keyOf = (name: string): 'feed' | 'service' => (Object.hasOwn(feedFields, name) ? 'feed' : 'service');

function defaultOf({ kind, defaultText, unit }: FieldMeta): string {
  if (kind === 'switch') return defaultText === 'on' ? 'on by default' : '';
  if (defaultText === undefined || defaultText === 'none') return '';
  const isCounted = kind === 'size' && /^\d+$/.test(defaultText) && defaultText !== '0';
  return `default: ${defaultText}${isCounted ? ` ${unit}` : ''}`;
}

/** The words after the name in the usage line. */
export const usageOf = (spec: CommandSpec): string =>
  [spec.words, ...spec.needs.map((name) => `--${name} ${allFields[name]!.meta.placeholder}`), '[OPTIONS]']
    .filter((part) => part !== '')
    .join(' ');

/** A daemon runs until it is stopped; every other command answers at once. */
const isDaemon = ({ options }: CommandSpec): boolean =>
  options.includes('stall-seconds') || options.includes('metrics-interval-seconds');

export function exitCodesOf(spec: CommandSpec): [code: string, meaning: string][] {
  const codes: [string, string][] = [
    ['0', 'done'],
    ['1', 'a bug (its stack is printed), or a process of the service could not go on'],
    ['2', 'wrong usage or configuration'],
    ['3', 'the environment cannot be used (directory, filesystem, state, database)'],
  ];
  if (spec.unfinished !== undefined) codes.push(['4', spec.unfinished]);
  if (isDaemon(spec)) codes.push(['128+N', 'stopped at once by a second signal, which was number N']);
  return codes;
}

export const takesSizes = ({ options }: CommandSpec): boolean =>
  options.some((name) => allFields[name]!.meta.kind === 'size');

export const SIZES =
  'SIZE is a number of bytes, or a number with its unit: kB, MB, GB, TB (of 1000), KiB, MiB, GiB, TiB (of 1024).';

export const takesTimes = ({ options }: CommandSpec): boolean =>
  options.some((name) => allFields[name]!.meta.kind === 'duration');

export const TIMES =
  'TIME is a number with its unit (ms, s, m, h, d), or several: 500ms, 90s, 1h30m, 7d. A bare number counts in the unit that the name of the option ends with; --max-age and --for count seconds. Where the name has no unit, write one.';

/** The completion of an option's value: given values, or names of files or directories. */
export function completionOf({ choices, suggests, placeholder }: FieldMeta): Completion {
  if (choices ?? suggests) return { kind: 'values', values: [...(choices ?? suggests)!] };
  if (placeholder === 'DIR') return { kind: 'directories' };
  return placeholder === 'FILE' || placeholder === 'PATH' ? { kind: 'files' } : { kind: 'nothing' };
}

export type Completion = { kind: 'values'; values: string[] } | { kind: 'files' | 'directories' | 'nothing' };

/** The same for the words of a command. */
export function wordCompletionOf({ words }: CommandSpec, stages: readonly string[]): Completion {
  if (words === '[STAGE]') return { kind: 'values', values: [...stages] };
  if (/\bDIR\b|SOURCE/.test(words)) return { kind: 'directories' };
  return /PATH|FILE/.test(words) ? { kind: 'files' } : { kind: 'nothing' };
}
