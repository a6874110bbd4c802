/**
 * The user's module: its exports, and how it is loaded and described.
 * Does not: run its steps; module-step.ts does.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { ProcessOptions } from '../../base/config/values/process.js';
import { Unloadable } from '../formats/fault.js';

/** Sends a record to the step or the output of that name. */
export type Emit = (tag: string, record: unknown) => void;

/** The file that is processed. */
export interface ProcessedFile {
  /** The path below the input, as uploaded. */
  readonly name: string;
  /** Size in bytes of the file itself (packed if it is gzip). */
  readonly size: number;
}

/**
 * The steps of one file, by name. If a step returns a promise, it is awaited before the next record. `batch` gets up to
 * 1,000 records at a time; `end` is called once, after the last record.
 */
export interface ModuleSteps {
  end?(emit: Emit): unknown;
  batch?(records: unknown[], emit: Emit): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: what a record is depends on the format
  [step: string]: ((record: any, emit: Emit) => unknown) | ((emit: Emit) => unknown) | undefined;
}

/** The module's default export: called once a file, so that nothing leaks from one file into the next. */
export type StepsOf = (file: ProcessedFile) => ModuleSteps;

/** Errors: throws Unloadable. */
export async function loadModule(path: string): Promise<StepsOf> {
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw new Unloadable(`the module ${path} cannot be loaded: ${blamed(error, path)}`);
  }
  if (typeof loaded.default === 'function') return loaded.default as StepsOf;
  throw new Unloadable(
    `the module ${path} must export a function as its default, which is given the file and answers its steps, but exports ${typeof loaded.default}; write export default (file) => ({ … })`,
  );
}

/** Returns the steps of one file. Errors: throws Unloadable. */
export function stepsOf(module: StepsOf, file: ProcessedFile, path: string): ModuleSteps {
  let steps: unknown;
  try {
    steps = module(file);
  } catch (error) {
    throw new Unloadable(`the module ${path} fails before the first record: ${blamed(error, path)}`);
  }
  const wrong = wrongIn(steps);
  if (wrong !== undefined) throw new Unloadable(`the module ${path} ${wrong}`);
  return steps as ModuleSteps;
}

function wrongIn(steps: unknown): string | undefined {
  if (typeof steps !== 'object' || steps === null)
    return `must answer an object with its steps, but answered ${steps === null ? 'null' : typeof steps}`;
  if ('then' in steps)
    return 'must answer its steps at once, but answered a promise; await in a step, or at the top of the module';
  const odd = Object.entries(steps).find(([, step]) => typeof step !== 'function');
  if (odd)
    return `has ${JSON.stringify(odd[0])} among its steps, which is ${typeof odd[1]} and no function; keep it in a variable`;
  const lazy = Object.entries(steps).find(([, step]) => types.isGeneratorFunction(step));
  return lazy && `has a generator as its step ${lazy[0]}, of which nothing would run; write a function, and emit in it`;
}

/** Describes a thrown value in one line, with the first line of its stack that is in the module. */
export function blamed(error: unknown, path: string | undefined): string {
  if (!(error instanceof Error)) return `it threw ${String(error).slice(0, 500)}`;
  const said = `${error.name}: ${error.message}`.replace(/\s+/g, ' ').slice(0, 500);
  const url = path === undefined ? undefined : pathToFileURL(path).href;
  const line = error.stack?.split('\n').find((one) => url !== undefined && one.includes(url));
  const at = line && /([^/\\]+:\d+:\d+)\)?$/.exec(line)?.[1];
  return at ? `${said} (${at})` : said;
}

/** SHA-256 (hex) of the chain: its configuration and the module's file. Imports of the module are not included. */
export function versionOf({ module, ...options }: ProcessOptions): string {
  const hash = createHash('sha256').update(JSON.stringify(sorted(options)));
  if (module !== undefined) {
    try {
      hash.update('\0').update(readFileSync(module));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new Unloadable(`the module ${module} cannot be read (${code}); check the path and its permissions`);
    }
  }
  return hash.digest('hex');
}

/** Writes equal configurations as equal texts, whatever the order of their keys. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
