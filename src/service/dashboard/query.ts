/**
 * Checks what a request may say: the keys of each route, and the values of a query, each bounded, with a sentence for what is refused.
 * Guarantees: a key that a route does not know is refused before anything is done. Otherwise a filter with a typing error would
 * be no filter, and its request would act on everything.
 */
import type { FastifyRequest } from 'fastify';
import { suggestion } from '../../base/config/values/nearest.js';

export class BadQuery extends Error {
  override readonly name = 'BadQuery';
}

export type Query = Readonly<Record<string, string | undefined>>;
export type Body = Readonly<Record<string, unknown>>;

/** The keys of a GET's query and of a POST's body. A route that is not listed has none. docs/http-api.md has the same table. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '/trace': ['n'],
  '/errors': ['feed', 'code', 'folder', 'name', 'limit', 'after'],
  '/held': ['feed', 'code', 'folder', 'name', 'limit'],
  '/files': ['path', 'sha256'],
  '/series': ['feed', 'hours'],
  '/search': ['q', 'limit'],
  '/retry': ['jobs', 'all', 'feed', 'code', 'folder', 'name'],
  '/discard': ['jobs', 'all', 'feed', 'code', 'folder', 'name'],
  '/pause': ['stage', 'feed', 'for', 'reason'],
  '/resume': ['stage', 'feed'],
};

const NAME_CHARS_MAX = 64;

/** Errors: BadQuery, for a key that is unknown or there twice, and for a body that is no object. */
export function refuseUnknownKeys({ method, url, query, body, routeOptions }: FastifyRequest): void {
  const path = routeOptions.url ?? url;
  const keys = KEYS[path] ?? [];
  const isChange = method === 'POST';
  for (const [name, value] of Object.entries(query as object)) {
    if (isChange || !keys.includes(name)) throw unknownKey(`?${name}=`, name, path, isChange ? [] : keys);
    if (typeof value !== 'string') throw new BadQuery(`?${name}= may be given once.`);
  }
  if (!isChange) return;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadQuery('The body must be a JSON object; {} stands for all.');
  for (const name of Object.keys(body)) if (!keys.includes(name)) throw unknownKey(`"${name}"`, name, path, keys);
}

function unknownKey(shown: string, name: string, path: string, keys: readonly string[]): BadQuery {
  const known = keys.length === 0 ? 'it has none there' : `it has ${keys.join(', ')}`;
  return new BadQuery(`${shown.slice(0, NAME_CHARS_MAX)} is no key of ${path}; ${suggestion(name, keys)}${known}.`);
}

export function wholeIn(
  query: Query,
  name: string,
  { min, max, fallback }: { min: number; max: number; fallback: number },
): number {
  const text = query[name];
  if (text === undefined) return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new BadQuery(`?${name}= must be a whole number from ${min} to ${max}.`);
}

/** The first of `known` where it is not given. */
export function oneIn(query: Query, name: string, known: readonly number[]): number {
  const text = query[name] ?? String(known[0]);
  if (known.map(String).includes(text)) return Number(text);
  throw new BadQuery(`?${name}= must be ${known.join(' or ')}.`);
}

export function textIn(query: Query, name: string, charsMax: number): string {
  const text = query[name] ?? '';
  if (text !== '' && text.length <= charsMax && !text.includes('\0')) return text;
  throw new BadQuery(`?${name}= must have 1 to ${charsMax} characters, and no NUL.`);
}

/** Undefined where it is not given. */
export const nameIn = (query: Query, name: string, charsMax = NAME_CHARS_MAX): string | undefined =>
  query[name] === undefined ? undefined : textIn(query, name, charsMax);

export function sha256In(query: Query): string {
  const text = query.sha256 ?? '';
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new BadQuery('?sha256= must be 64 hexadecimal digits.');
}

/** A value of a body; undefined where it is not given. */
export function wordIn(body: Body, name: string, charsMax = NAME_CHARS_MAX): string | undefined {
  const value = body[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= charsMax) return value;
  throw new BadQuery(`"${name}" must be a text of 1 to ${charsMax} characters.`);
}
