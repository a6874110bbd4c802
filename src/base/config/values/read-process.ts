/**
 * Reads `process` of a feed: a mapping in the file of options, or the path of a YAML file with that mapping.
 * Guarantees: what it answers can run, but for the names of steps that only the module has; nothing was loaded.
 */
import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EnvironmentError, OperatorError } from '../../errors.js';
import { choice, duration, size, toggle, whole } from './field.js';
import { limits } from './limits.js';
import { Mapping } from './mapping.js';
import { suggestion } from './nearest.js';
import {
  type CheckStep,
  COLUMN_TYPES,
  type ColumnRule,
  PROCESS_ENCODINGS,
  PROCESS_FORMATS,
  type ProcessOptions,
  type SplitStep,
  type StepOptions,
  writesForReaders,
} from './process.js';
import { readYaml } from './yaml.js';

const KEYS = [
  ...['format', 'delimiter', 'quote', 'header', 'encoding', 'start', 'steps', 'reject', 'module'],
  ...['outputs-max', 'output-bytes-max', 'unpacked-bytes-max', 'record-bytes-max', 'stuck-seconds', 'memory-bytes'],
];
const BUILT_IN = ['check', 'split'] as const;
const CHECK_KEYS = ['use', 'header', 'contains', 'columns', 'rows', 'last-newline', 'next', 'else'];
const SPLIT_KEYS = ['use', 'by', 'else'];
const TAG = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;
const TAG_RULE = 'a tag: 1 to 40 letters, digits, - and _, a letter or digit first';

/** The chain of a YAML file. `origin`: what names the file, for sentences. */
export const processFrom = (origin: string, path: string): ProcessOptions =>
  processOf(readYaml(origin, resolve(path)), '', resolve(path));

/**
 * `path`: the keys that lead to it, for sentences. `file`: that it stands in; `module` is relative to it. `hasModule`: there
 * are steps that are not known here.
 */
export function processOf(given: unknown, path: string, file: string, hasModule = false): ProcessOptions {
  const keys = new Mapping(given, path, file);
  keys.only(KEYS);
  const format = keys.choice('format', PROCESS_FORMATS);
  const module = moduleOf(keys, file);
  const steps = stepsOf(keys, format);
  const start = keys.needed('start', 'the name of the first step', (text) => TAG.test(text));
  if (!Object.hasOwn(steps, start) && module === undefined && !hasModule) throw unknownStart(keys, start, steps, file);
  refuseCircle(keys, steps, file);
  if (module === undefined && !hasModule) refuseEnds(keys, steps, file);
  return {
    format,
    ...csvOf(keys, format),
    encoding: keys.read('encoding', choice(PROCESS_ENCODINGS)),
    start,
    steps,
    reject: rejectOf(keys),
    module,
    ...boundsOf(keys),
  };
}

function boundsOf(keys: Mapping) {
  const { outputsMax, outputs, recordBytesMax, recordBytes, memoryBytesMin, memoryBytes } = limits;
  const stuck = { unit: 's', min: 1, max: limits.stallSecondsMax, fallback: limits.stuckSeconds } as const;
  return {
    outputsMax: keys.read('outputs-max', whole({ min: 1, max: outputsMax, fallback: outputs })),
    outputBytesMax: keys.read('output-bytes-max', size({ min: 1 })),
    unpackedBytesMax: keys.read('unpacked-bytes-max', size({ min: 1 })),
    recordBytesMax: keys.read('record-bytes-max', size({ min: 1, max: recordBytesMax, fallback: recordBytes })),
    stuckSeconds: keys.read('stuck-seconds', duration(stuck)),
    memoryBytes: keys.read('memory-bytes', size({ min: memoryBytesMin, fallback: memoryBytes })),
  };
}

function csvOf(keys: Mapping, format: ProcessOptions['format']) {
  const own = ['delimiter', 'quote', 'header'].find((key) => keys.has(key));
  if (format !== 'csv' && own !== undefined)
    throw keys.wrong(keys.at(own), 'left out, because the format is not csv', keys.value(own), 'remove it');
  const isSign = (sign: string) => /^[\t -~]$/.test(sign);
  // The parser takes a comma in its place.
  const isDelimiter = (sign: string) => isSign(sign) && sign !== '"';
  const delimiter = keys.text('delimiter', 'one ASCII character, but not "', isDelimiter) ?? ',';
  const quote =
    keys.text('quote', 'one ASCII character, or empty for none', (sign) => sign === '' || isSign(sign)) ?? '"';
  if (delimiter === quote) throw keys.wrong(keys.at('quote'), 'another character than the delimiter', quote);
  return { delimiter, quote, header: keys.texts('header') };
}

function rejectOf(keys: Mapping): ProcessOptions['reject'] {
  if (!keys.has('reject')) return undefined;
  const reject = keys.mapping('reject');
  reject.only(['max']);
  const max = reject.value('max');
  const isShare = typeof max === 'string' && /^\d{1,3}(\.\d{1,6})?%$/.test(max) && Number.parseFloat(max) <= 100;
  const isCount = Number.isSafeInteger(max) && (max as number) >= 0;
  if (!isShare && !isCount) throw reject.wrong(reject.at('max'), 'a number of records or a share like 1%', max);
  return { max: max as number | string };
}

function moduleOf(keys: Mapping, file: string): string | undefined {
  const given = keys.text('module');
  if (given === undefined) return undefined;
  const path = resolve(dirname(file), given);
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new EnvironmentError(
      'module_unreadable',
      `${keys.at('module')} in ${file} must be a module that can be read, but ${path} cannot be (${(error as NodeJS.ErrnoException).code}); check the path and its permissions.`,
    );
  }
  return path;
}

function stepsOf(keys: Mapping, format: ProcessOptions['format']): Record<string, StepOptions> {
  const all = keys.mapping('steps');
  return Object.fromEntries(all.keys.map((name) => [name, stepOf(all, name, format)]));
}

function stepOf(all: Mapping, name: string, format: ProcessOptions['format']): StepOptions {
  if (!TAG.test(name)) throw all.wrong(all.at(name), `named by ${TAG_RULE}`, name, 'rename it');
  const step = all.mapping(name);
  const use = step.has('use') ? step.choice('use', BUILT_IN) : BUILT_IN.find((one) => one === name);
  if (use === undefined) {
    const next = `${suggestion(name, BUILT_IN)}steps of the module are not written here`;
    throw step.wrong(step.at('use'), `one of ${BUILT_IN.join(', ')}`, undefined, next);
  }
  return use === 'check' ? checkOf(step, format) : splitOf(step, format);
}

const COUNT = whole({ min: 0, max: limits.byteCountMax });
const tagOf = (step: Mapping, key: 'next' | 'else') => step.text(key, TAG_RULE, (text) => TAG.test(text));

function checkOf(step: Mapping, format: ProcessOptions['format']): CheckStep {
  step.only(CHECK_KEYS);
  const own = [...(format === 'csv' ? [] : ['header', 'contains']), ...(format === 'lines' ? ['columns'] : [])];
  const odd = own.find((key) => step.has(key));
  if (odd !== undefined)
    throw step.wrong(step.at(odd), `left out, because ${format} has none`, step.value(odd), 'remove it');
  const columns = step.mapping('columns');
  const rows = step.mapping('rows');
  rows.only(['min', 'max']);
  return {
    use: 'check',
    header: step.texts('header'),
    contains: step.texts('contains'),
    columns: Object.fromEntries(columns.keys.map((name) => [name, ruleOf(columns, name)])),
    rows: step.has('rows') ? rangeOf(rows) : undefined,
    lastNewline: step.read('last-newline', toggle(undefined)),
    next: tagOf(step, 'next'),
    else: tagOf(step, 'else'),
  };
}

function rangeOf(rows: Mapping): CheckStep['rows'] {
  const range = { min: rows.read('min', COUNT), max: rows.read('max', COUNT) };
  if (range.min !== undefined && range.max !== undefined && range.min > range.max)
    throw rows.wrong(rows.at('max'), `at least min (${range.min})`, range.max);
  return range;
}

/** `amount: number`, or a mapping with the type and more. */
function ruleOf(columns: Mapping, name: string): ColumnRule {
  if (typeof columns.value(name) === 'string') return { type: columns.choice(name, COLUMN_TYPES), required: false };
  const rule = columns.mapping(name);
  rule.only(['type', 'pattern', 'required']);
  const isPattern = (text: string) => {
    try {
      return new RegExp(text, 'u') instanceof RegExp;
    } catch {
      return false;
    }
  };
  return {
    type: rule.read('type', choice(COLUMN_TYPES)),
    pattern: rule.text('pattern', 'a regular expression of JavaScript', isPattern),
    required: rule.read('required', toggle(false)),
  };
}

function splitOf(step: Mapping, format: ProcessOptions['format']): SplitStep {
  step.only(SPLIT_KEYS);
  if (format === 'lines') throw step.wrong(step.path, 'left out, because lines have no columns', 'split', 'remove it');
  return { use: 'split', by: step.needed('by', 'the name of a column'), else: tagOf(step, 'else') };
}

function unknownStart(keys: Mapping, start: string, steps: Record<string, StepOptions>, file: string): OperatorError {
  const names = Object.keys(steps);
  return new OperatorError(
    'bad_value',
    `${keys.at('start')} in ${file} must be a step, but ${JSON.stringify(start)} is none; ${suggestion(start, names)}the steps are ${names.join(', ') || 'missing'}.`,
  );
}

/** A record that ends in a step would come to nobody where readers get outputs instead of the file. A module decides that itself. */
function refuseEnds(keys: Mapping, steps: Record<string, StepOptions>, file: string): void {
  const end = Object.entries(steps).find(([, step]) => step.use === 'check' && step.next === undefined);
  if (end === undefined || !writesForReaders({ steps })) return;
  throw new OperatorError(
    'missing_option',
    `${keys.at('steps')}.${end[0]}.next in ${file} must be given: readers of this chain get its outputs instead of the file, and records that pass ${end[0]} would be in none; write for example next: good.`,
  );
}

/** Refuses steps that lead to themselves by `next` and `else`. Steps of the module are judged when they emit. */
function refuseCircle(keys: Mapping, steps: Record<string, StepOptions>, file: string): void {
  const walk = (name: string, way: string[]): void => {
    const step = steps[name];
    if (step === undefined) return;
    if (way.includes(name)) {
      const circle = [...way.slice(way.indexOf(name)), name].join(' → ');
      throw new OperatorError(
        'bad_value',
        `${keys.at('steps')} in ${file} must not go in a circle, but ${circle} does; let one of them go to an output.`,
      );
    }
    for (const tag of [step.use === 'check' ? step.next : undefined, step.else]) if (tag) walk(tag, [...way, name]);
  };
  for (const name of Object.keys(steps)) walk(name, []);
}
