/**
 * Checks what a caller passes. Each rule that is broken throws one sentence.
 */
import { missingIn, shownValue, unknownOption } from '../base/config/values/option-rules.js';
import { ChangeLogError } from './errors.js';
import { limits } from './limits.js';
import type { ChangeLogOptions, NewChange } from './types.js';

const refused = (sentence: string): ChangeLogError => new ChangeLogError('change_log_bad_value', sentence);
const refuse = (rule: string, got: string): never => {
  throw refused(`${rule}, but got ${got}.`);
};

export function checkWhole(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  refuse(`${what} must be a whole number from ${min} to ${max}`, shownValue(value));
}

/** Options are an object with known names, or absent (no options). */
export function checkedOptions<T extends object>(
  options: T | undefined,
  known: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    refuse('options must be an object', shownValue(options));
  const unknown = unknownOption(options, known);
  if (unknown !== undefined) throw refused(unknown);
  return options;
}

export function checkOpening({ path, logger }: Partial<ChangeLogOptions>): string {
  const isPath = typeof path === 'string' && path !== '' && path === path.trim() && !path.includes('\0');
  // better-sqlite3 trims spaces at both ends, and would then create a file of another name, or none.
  if (!isPath)
    return refuse(
      'path must be the path of a file: text that is not empty, and that has no space at its front or end',
      shownValue(path),
    );
  if (logger !== undefined && missingIn(logger, ['warn']) !== undefined)
    refuse('logger must have the function warn', shownValue(logger));
  return path;
}

export const bytesOfKey = (key: string | Buffer): Buffer => (typeof key === 'string' ? Buffer.from(key) : key);

/** Returns one change, or a list of changes, as a list. */
export function checkedChanges(given: NewChange | readonly NewChange[]): readonly NewChange[] {
  const changes = Array.isArray(given) ? (given as readonly NewChange[]) : [given as NewChange];
  checkWhole('the number of changes of one record', changes.length, 1, limits.recordMax);
  for (const change of changes) checkNewChange(change);
  return changes;
}

function checkNewChange(change: NewChange): void {
  if (typeof change !== 'object' || change === null)
    refuse('a change must be an object with key, operation and timestamp', shownValue(change));
  const { key, operation, timestamp, renameId } = change;
  const isKey = typeof key === 'string' || Buffer.isBuffer(key);
  const bytes = isKey ? bytesOfKey(key).length : 0;
  if (bytes < 1 || bytes > limits.keyBytesMax)
    refuse(`a key must be text or bytes, 1 to ${limits.keyBytesMax} of them`, isKey ? `${bytes}` : shownValue(key));
  if (operation !== 'put' && operation !== 'delete')
    refuse("an operation must be 'put' or 'delete'", shownValue(operation));
  if (!(timestamp instanceof Date) || !Number.isSafeInteger(timestamp.getTime()))
    refuse('a timestamp must be a valid Date', shownValue(timestamp));
  if (renameId !== undefined && !isName(renameId))
    refuse(`a renameId must be text of 1 to ${limits.nameCharsMax} characters`, shownValue(renameId));
}

const isName = (text: unknown): text is string =>
  typeof text === 'string' && text.length > 0 && text.length <= limits.nameCharsMax;

export function nameOf(consumer: string): string {
  if (isName(consumer)) return consumer;
  return refuse(`the name of a consumer must be text of 1 to ${limits.nameCharsMax} characters`, shownValue(consumer));
}

export function checkedFrom(from: unknown): 'now' | 'oldest' {
  if (from === undefined || from === 'now' || from === 'oldest') return from ?? 'now';
  return refuse("from must be 'now' or 'oldest'", shownValue(from));
}
