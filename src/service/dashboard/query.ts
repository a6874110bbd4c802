/**
 * Checks what a request may say: the keys of each route, and the values of a query and of a body, each bounded, with a sentence for
 * what is refused.
 * Guarantees: a key that a route does not know is refused before anything is done. Otherwise a filter with a typing error would
 * be no filter, and its request would act on everything.
 */
import type { FastifyRequest } from 'fastify';
import type { JobId, QueueView } from '../../../queue/index.js';
import { viewFields } from '../../base/config/schema.js';
import { suggestion } from '../../base/config/values/nearest.js';
import { STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { whyNoStage } from '../../ingest/health/pause.js';
import { JOB_ID } from '../../tools/explain/find.js';
import { whyNoHoldCode } from '../status/held-list.js';
import { limits } from './data/limits.js';
import type { Asked, Chosen, Verb } from './held/acts.js';

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
  '/discard': ['jobs', 'all', 'feed', 'code', 'folder', 'name', 'files'],
  '/pause': ['stage', 'feed', 'for', 'reason'],
  '/resume': ['stage', 'feed', 'only'],
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
function wordIn(body: Body, name: string, charsMax = NAME_CHARS_MAX): string | undefined {
  const value = body[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= charsMax) return value;
  throw new BadQuery(`"${name}" must be a text of 1 to ${charsMax} characters.`);
}

/** Reads what the body of a change asks for. Its keys are checked already. Errors: BadQuery. */
export function askedBy(
  verb: Verb,
  body: Body,
  view: Pick<QueueView, 'feeds' | 'heldFor' | 'stats'>,
  by: string,
): Asked {
  const feed = wordIn(body, 'feed');
  if (feed !== '*') refuseUnknownFeed(view, feed);
  if (verb === 'retry' || verb === 'discard')
    return { verb, by, chosen: chosenBy(body, view, feed), files: filesIn(body) };
  const stage = wordIn(body, 'stage') ?? '*';
  if (stage !== '*' && !(STAGE_NAMES as readonly string[]).includes(stage))
    throw new BadQuery(`${JSON.stringify(stage)} is not a stage; the stages are ${STAGE_NAMES.join(', ')}.`);
  const scope = { stage, feed: feed ?? '*' };
  const refused = verb === 'pause' ? whyNoStage(view, scope) : undefined;
  if (refused !== undefined) throw new BadQuery(refused);
  const { only = false } = body;
  if (typeof only !== 'boolean') throw new BadQuery('"only" must be true or false.');
  return { verb, by, scope, only, why: wordIn(body, 'reason', limits.reasonCharsMax), seconds: secondsIn(body.for) };
}

/** Errors: BadQuery. As `ingest-ctl pause --for` takes it. */
function secondsIn(value: unknown): number | undefined {
  const { meta } = viewFields.for;
  const parsed = viewFields.for.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new BadQuery(`"for" must be ${meta.rule}; write for example "${meta.example}".`);
}

/** Errors: BadQuery. */
function filesIn({ files }: Body): number | undefined {
  if (files === undefined || (Number.isSafeInteger(files) && Number(files) >= 0)) return files as number | undefined;
  throw new BadQuery('"files" must be a whole number.');
}

function chosenBy(body: Body, view: Pick<QueueView, 'heldFor'>, feed: string | undefined): Chosen {
  const { jobs, all = false } = body;
  const code = wordIn(body, 'code');
  if (typeof all !== 'boolean') throw new BadQuery('"all" must be true or false.');
  if (all === (jobs !== undefined)) throw new BadQuery('Name either "jobs", or "all": true.');
  refuseUnknownCode(view, code);
  const [folder, name] = [wordIn(body, 'folder', limits.pathCharsMax), wordIn(body, 'name', limits.pathCharsMax)];
  if (jobs === undefined) return { feed: feed === '*' ? undefined : feed, code, folder, name };
  if ([feed, code, folder, name].some((one) => one !== undefined))
    throw new BadQuery('"feed", "code", "folder" and "name" narrow "all", and not "jobs".');
  const areIds = Array.isArray(jobs) && jobs.every((id) => typeof id === 'string' && JOB_ID.test(id));
  if (areIds && jobs.length > 0 && jobs.length <= limits.namedJobsMax) return { jobs: jobs as JobId[] };
  throw new BadQuery(`"jobs" must be a list of 1 to ${limits.namedJobsMax} job ids.`);
}

/** Errors: BadQuery. */
export function refuseUnknownFeed(view: Pick<QueueView, 'feeds'>, feed: string | undefined): void {
  const names = view.feeds().map(({ name }) => name);
  if (feed === undefined || names.includes(feed)) return;
  throw new BadQuery(`${JSON.stringify(feed)} is no feed of this state; it has ${names.join(', ') || 'none yet'}.`);
}

/** Errors: BadQuery. */
export function refuseUnknownCode(view: Pick<QueueView, 'heldFor'>, code: string | undefined): void {
  const why = code === undefined ? undefined : whyNoHoldCode(view, code);
  if (why !== undefined) throw new BadQuery(`${why}.`);
}
