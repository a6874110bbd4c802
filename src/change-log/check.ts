/** The rules for what a caller gives, each refused with a sentence. */
import { ChangeLogError } from './errors.js';
import { limits } from './limits.js';
import type { NewChange } from './types.js';

const refuse = (rule: string, got: string): never => {
  throw new ChangeLogError('change_log_bad_value', `${rule}, but got ${got}.`);
};

export function checkWhole(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  refuse(`${what} must be a whole number from ${min} to ${max}`, String(value));
}

export const bytesOfKey = (key: string | Buffer): Buffer => (typeof key === 'string' ? Buffer.from(key) : key);

export function checkNewChange({ key, operation, timestamp, renameId }: NewChange): void {
  const isKey = typeof key === 'string' || Buffer.isBuffer(key);
  const bytes = isKey ? bytesOfKey(key).length : 0;
  if (bytes < 1 || bytes > limits.keyBytesMax)
    refuse(`a key must be text or bytes, 1 to ${limits.keyBytesMax} of them`, isKey ? `${bytes}` : typeof key);
  if (operation !== 'put' && operation !== 'delete')
    refuse("an operation must be 'put' or 'delete'", String(operation));
  if (!(timestamp instanceof Date) || !Number.isSafeInteger(timestamp.getTime()))
    refuse('a timestamp must be a valid Date', String(timestamp));
  if (renameId !== undefined && (renameId.length === 0 || renameId.length > limits.nameCharsMax))
    refuse(`a renameId must have 1 to ${limits.nameCharsMax} characters`, `${renameId.length}`);
}

export function nameOf(consumer: string): string {
  if (typeof consumer === 'string' && consumer.length > 0 && consumer.length <= limits.nameCharsMax) return consumer;
  return refuse(
    `the name of a consumer must have 1 to ${limits.nameCharsMax} characters`,
    JSON.stringify(consumer) ?? '',
  );
}
