/** The values of a query string, each bounded, with a sentence for what is refused. */
import type { FastifyRequest } from 'fastify';

export class BadQuery extends Error {
  override readonly name = 'BadQuery';
}

export type Query = Readonly<Record<string, string | undefined>>;

const NAME_CHARS_MAX = 64;

/** Refuses what is unknown, and what is there twice. */
export function queryOf(request: FastifyRequest, known: readonly string[]): Query {
  const query = request.query as Record<string, unknown>;
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) throw new BadQuery(`?${known.join('=, ?')}= are known here, and another was given.`);
    if (typeof value !== 'string') throw new BadQuery(`?${name}= may be given once.`);
  }
  return query as Query;
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

export function textIn(query: Query, name: string, charsMax: number): string {
  const text = query[name] ?? '';
  if (text !== '' && text.length <= charsMax && !text.includes('\0')) return text;
  throw new BadQuery(`?${name}= must have 1 to ${charsMax} characters, and no NUL.`);
}

/** `{}` where it is not given. */
export function nameIn<K extends string>(query: Query, name: K): { [_ in K]?: string } {
  if (query[name] === undefined) return {};
  return { [name]: textIn(query, name, NAME_CHARS_MAX) } as { [_ in K]?: string };
}

export function sha256In(query: Query): string {
  const text = query.sha256 ?? '';
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new BadQuery('?sha256= must be 64 hexadecimal digits.');
}
