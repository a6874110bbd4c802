/**
 * The HTTP side: the page, its stream, the API of docs/http-api.md.
 * Guarantees: each query is bounded before anything is read; an answer is made of copies, so a slow client holds no
 * transaction; the page's files are those of a list, never a path that a request names.
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { pasteable, type Shell } from '../../base/config/paste.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { inPackage } from '../../package.js';
import type { FreeSpace } from '../figures/free-space.js';
import { statsAnswer, traceAnswer } from './answers.js';
import { boundConnections } from './connections.js';
import { limits } from './data/limits.js';
import type { Metrics } from './data/metrics.js';
import { HOURS, seriesOf } from './data/series.js';
import type { Snapshots } from './data/snapshots.js';
import { type GuardOptions, guard } from './guard.js';
import { Acts, type Verb } from './held/acts.js';
import { errorsAnswer } from './held/errors.js';
import { type HeldFilter, HeldGroups } from './held/groups.js';
import {
  askedBy,
  BadQuery,
  type Body,
  nameIn,
  oneIn,
  type Query,
  refuseUnknownCode,
  refuseUnknownFeed,
  refuseUnknownKeys,
  sha256In,
  textIn,
  wholeIn,
} from './query.js';
import { refuse, refuseConnection, refuseInOneShape } from './refusals.js';
import type { Hits } from './search/hits.js';
import type { Found, Search, SearchAnswer } from './search/search.js';
import { Stream } from './stream.js';

export interface ServerParts extends GuardOptions {
  backend: Backend & QueueView;
  snapshots: Snapshots;
  /** The shell for the commands of its answers. */
  shell: Shell;
  stream: Stream;
  search: Search;
  metrics: Metrics;
  space: FreeSpace;
  emit: Emit;
}

const PAGE = fileURLToPath(inPackage('src/service/dashboard/page/'));
const UPLOT = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');
/** The files of the page, also in folders below it. They are listed once: a request never names a path. */
const ASSETS = readdirSync(PAGE, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(js|css|svg)$/.test(name));

export function serverOf(parts: ServerParts): FastifyInstance {
  const app = fastify({
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: true,
    clientErrorHandler: refuseConnection,
    frameworkErrors: (_error, _request, reply) => refuse(reply, 400, 'bad_request', 'That is no path of a request.'),
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: 1_000,
      // A request without a host is refused as one for another host is.
      requireHostHeader: false,
    },
  });
  // A form of a foreign page can send this type.
  app.removeContentTypeParser('text/plain');
  boundConnections(app.server);
  guard(app, parts);
  app.addHook('preValidation', async (request) => {
    if (!request.is404) refuseUnknownKeys(request);
  });
  refuseInOneShape(app, parts.emit);
  app.addHook('preSerialization', async (_request, _reply, answer) => pasteable(answer, parts.shell));
  page(app);
  const groups = new HeldGroups(parts.backend);
  reads(app, parts);
  heldFiles(app, parts, groups);
  files(app, parts);
  changes(app, parts, groups);
  return app;
}

function page(app: FastifyInstance): void {
  app.register(fastifyStatic, { root: PAGE, serve: false, cacheControl: false });
  app.get('/', (_request, reply) => reply.sendFile('index.html'));
  for (const name of ASSETS) app.get(`/assets/${name}`, (_request, reply) => reply.sendFile(name));
  for (const name of ['uPlot.esm.js', 'uPlot.min.css'])
    app.get(`/assets/figures/${name}`, (_request, reply) => reply.sendFile(name, UPLOT));
}

function reads(app: FastifyInstance, parts: ServerParts): void {
  const { backend, snapshots, stream, metrics, space } = parts;
  app.get('/stats', async () => {
    const places = await space.ask(limits.freeSpaceEveryMs);
    return statsAnswer({ ...snapshots.take().snapshot, places: [...places] });
  });
  app.get<{ Querystring: Query }>('/trace', ({ query }) => {
    const n = wholeIn(query, 'n', { min: 1, max: limits.traceMax, fallback: limits.traceDefault });
    return traceAnswer(backend, n);
  });
  app.get<{ Querystring: Query }>('/series', ({ query }) => {
    const feed = nameIn(query, 'feed') ?? '*';
    if (feed !== '*') refuseUnknownFeed(backend, feed);
    return seriesOf(backend, feed, oneIn(query, 'hours', HOURS));
  });
  app.get('/healthz', () => ({ ok: true }));
  app.get('/readyz', (_request, reply) => ready(backend, reply));
  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text(snapshots.take().snapshot)),
  );
  // A HEAD that is served as a GET would count as an open page that nobody sees.
  app.head('/events', (_request, reply) => reply.type(Stream.type).send());
  app.get('/events', { exposeHeadRoute: false }, (_request, reply) => {
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    if (!stream.add(raw, snapshots.take().json)) {
      return refuse(reply.header('retry-after', '5'), 503, 'too_many', 'Too many pages are open; try again later.');
    }
    return reply.hijack();
  });
}

function heldFiles(app: FastifyInstance, { backend }: ServerParts, groups: HeldGroups): void {
  app.get<{ Querystring: Query }>('/errors', ({ query }) => {
    const limit = wholeIn(query, 'limit', { min: 1, max: limits.heldMax, fallback: limits.heldDefault });
    return errorsAnswer(backend, { ...heldFilterIn(query, backend), after: nameIn(query, 'after'), limit });
  });
  app.get<{ Querystring: Query }>('/held', ({ query }) => {
    const limit = wholeIn(query, 'limit', { min: 1, max: limits.foldersMax, fallback: limits.foldersDefault });
    return groups.answer(heldFilterIn(query, backend), limit);
  });
}

/** Errors: BadQuery. */
function heldFilterIn(query: Query, backend: Backend): HeldFilter {
  const [feed, code] = [nameIn(query, 'feed'), nameIn(query, 'code')];
  refuseUnknownFeed(backend, feed);
  refuseUnknownCode(backend, code);
  const long = limits.pathCharsMax;
  return { feed, code, folder: nameIn(query, 'folder', long), name: nameIn(query, 'name', long) };
}

function files(app: FastifyInstance, { search }: ServerParts): void {
  app.get<{ Querystring: Query }>('/search', async ({ query }, reply) => {
    const limit = wholeIn(query, 'limit', { min: 1, max: limits.hitsMax, fallback: limits.hitsDefault });
    return found(reply, await search.hits(textIn(query, 'q', limits.pathCharsMax), limit));
  });
  app.get<{ Querystring: Query }>('/files', async ({ query }, reply) => {
    if ((query.path === undefined) === (query.sha256 === undefined))
      throw new BadQuery('Ask for one of ?path= and ?sha256=.');
    const word = query.path === undefined ? sha256In(query) : textIn(query, 'path', limits.pathCharsMax);
    const answer = await search.for(word);
    if ('refused' in answer) return found(reply, answer);
    const { text, json, made } = answer.found;
    return { ...(json as object), text, made };
  });
}

function found(reply: FastifyReply, answer: SearchAnswer<Found | Hits>): unknown {
  if ('found' in answer) return answer.found;
  return refuse(reply, answer.refused === 'failed' ? 500 : 503, answer.refused, answer.sentence);
}

/** Whether the state can be read; what is wrong with the files is another matter, and /stats says it. */
function ready(backend: Backend, reply: FastifyReply): unknown {
  try {
    backend.checkStillOurs();
    backend.read((rows) => rows.get('SELECT 1 FROM all_jobs LIMIT 1'));
  } catch (error) {
    return refuse(reply, 503, 'not_ready', (error as Error).message);
  }
  return reply.send({ ok: true, feeds: backend.feeds().length });
}

function changes(app: FastifyInstance, { backend, emit, snapshots, stream }: ServerParts, groups: HeldGroups): void {
  const acts = new Acts(backend, emit);
  const verbs: Verb[] = ['retry', 'discard', 'pause', 'resume'];
  for (const verb of verbs) {
    app.post<{ Body: Body }>(`/${verb}`, async ({ body, ip }, reply) => {
      const asked = askedBy(verb, body, backend, `the dashboard, for ${ip}`);
      try {
        return await reply.send(await acts.do(asked));
      } finally {
        // Also after one that failed on its way.
        snapshots.forget();
        groups.forget();
        stream.send(snapshots.take().json);
      }
    });
  }
}
