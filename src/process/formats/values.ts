/** The values that a module emits: their kind in sentences, and those that text would lose without an error. */

/** Names the kind of a value. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return 'a string';
  if (typeof value !== 'object' || value === null) return String(value);
  const kind = kindOf(value);
  if (kind === 'Object') return Object.keys(value).length === 0 ? 'an object without keys' : 'an object';
  return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind === 'Array' ? 'array' : kind}`;
}

/** Returns the first part of a value that JSON writes as `{}` or null, or leaves out, though it is something else. */
export function lostInJson(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? value : undefined;
  if ('toJSON' in value) return undefined;
  const parts = Object.values(value);
  if (parts.length === 0) return ['Object', 'Array'].includes(kindOf(value)) ? undefined : value;
  for (const part of parts) {
    const lost = lostInJson(part);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

/** Asks the prototype, because `constructor` may be a key of the data. */
function kindOf(value: object): string {
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}
