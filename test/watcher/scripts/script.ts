/**
 * The form of test/watch-scripts/*.yaml: each document is a scenario, operations on files in, events out.
 *
 *   name:      what happens, as a sentence
 *   backends:  [inotify, node, poll]          default: all three
 *   options:   of createWatcher; debounceMs is 20 unless it says otherwise
 *   watch:     [.]                            the roots, below the scene's own directory; `..` leads out of what is watched
 *   watchers:  1                              how many, each with the same expectations
 *   user:      ordinary                       as root: run by an ordinary user
 *   before:    [ operations ]                 before anything watches
 *   steps:                                    each ends with idle()
 *     - do:     [ operations ]                see acts.ts
 *       events: [ put file a, delete file b ] exactly these, in any order between paths; for one path in this order,
 *                                             a put that follows a put being the same one
 *       may:    [ put file c ]                these, or not: a backend may merge them
 *       order:  [ delete file d/a, delete directory d ]   among the events, first reported in this order
 *       puts:   { a: [2, 3] }                 puts of a path, at least and at most
 *       renamed: { new: old }                 both halves have one id, which no other event has
 *       causes: [ event ]                     no other causes than these
 *       says:   { overflow: [1, 1], error: [1, 9] }   how often the watcher emitted it, at least and at most
 *       eventually: true                      reported after a while: a trouble that heals by itself
 *
 * In names, \xHH is a byte and {x*255} is x 255 times; a line with {0..99} stands for a hundred lines.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type ByteName, nameOfText } from '../../../src/linux/names.js';
import { PACKAGE } from '../../world/program.js';

export const BACKENDS = ['inotify', 'node', 'poll'] as const;
export type Backend = (typeof BACKENDS)[number];
export type Bounds = [least: number, most: number];

export interface Step {
  do: string[];
  events: string[];
  may: string[];
  order: string[];
  puts: Record<string, Bounds>;
  renamed: Record<string, string>;
  causes?: string[];
  says: Record<string, Bounds>;
  eventually: boolean;
}

export interface Script {
  /** The theme is the name of its file. */
  theme: string;
  name: string;
  backends: Backend[];
  options: Record<string, unknown>;
  watch: string[];
  watchers: number;
  user?: 'ordinary';
  before: string[];
  steps: Step[];
}

const SCRIPT = {
  backends: [...BACKENDS],
  options: {},
  watch: ['.'],
  watchers: 1,
  user: undefined,
  before: [],
  name: '',
  steps: [],
};
const STEP = {
  do: [],
  events: [],
  may: [],
  order: [],
  puts: {},
  renamed: {},
  causes: undefined,
  says: {},
  eventually: false,
};
const FOLDER = join(PACKAGE, 'test/watch-scripts');

export function scripts(): Script[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
  return files
    .sort()
    .flatMap((name) => scriptsOf(name.slice(0, -'.yaml'.length), readFileSync(join(FOLDER, name), 'utf8')));
}

function scriptsOf(theme: string, text: string): Script[] {
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, [], `${theme} is no YAML`);
    const script = completed(document.toJS(), SCRIPT, theme) as unknown as Script;
    const where = `${theme}: ${script.name}`;
    assert(script.name !== '' && script.steps.length > 0, `${where} has no name, or no steps`);
    const steps = script.steps.map((step) => completed(step, STEP, where) as unknown as Step);
    return {
      ...script,
      theme,
      steps: steps.map((step) => ({ ...step, events: each(step.events), may: each(step.may) })),
    };
  });
}

/** Adds the defaults; a key that nobody reads is a mistake. */
function completed(given: object, usual: object, where: string): object {
  const unknown = Object.keys(given).filter((key) => !(key in usual));
  assert.deepEqual(unknown, [], `${where} has keys that are not known`);
  return { ...usual, ...given };
}

function each(lines: string[]): string[] {
  return lines.flatMap((line) => {
    const range = /\{(\d+)\.\.(\d+)\}/.exec(line);
    if (range === null) return [line];
    const [from, to] = [Number(range[1]), Number(range[2])];
    return Array.from({ length: to - from + 1 }, (_, n) => line.replace(range[0], `${from + n}`));
  });
}

/** A name as written in a script, as bytes. */
export function named(text: string): ByteName {
  const repeated = text.replace(/\{(.+?)\*(\d+)\}/g, (_, one: string, times: string) => one.repeat(Number(times)));
  return nameOfText(repeated).replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  ) as ByteName;
}
