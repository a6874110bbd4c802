/**
 * Rules for every route in the table of docs/http-api.md: unknown keys, HEAD, the shape of errors, the form of times, the
 * case of keys.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { limits } from '../../../src/service/dashboard/data/limits.js';
import { PACKAGE } from '../../world/program.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { type Answer, ingestServed, type Served } from './served.js';

interface Route {
  method: string;
  path: string;
  keys: string[];
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SNAKE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const OF_A_TIME = /(^|_)(at|since|until)$/;
/** The smallest time in seconds since 1970. No other figure of this world is as large. */
const EPOCH_MIN = 1e9;

/** The rows of the first table: method, path, keys. */
function documentedRoutes(): Route[] {
  const doc = readFileSync(join(PACKAGE, 'docs/http-api.md'), 'utf8');
  const rows = doc.matchAll(/^\| (`(?:GET|POST) [^|]+) \|([^|]*)\|/gm);
  return [...rows].flatMap(([, requests, keys]) =>
    [...requests!.matchAll(/`(GET|POST) (\/[a-z]*)`/g)].map(([, method, path]) => ({
      method: method!,
      path: path!,
      keys: [...keys!.matchAll(/`([a-z0-9_]+)`/g)].map(([, key]) => key!),
    })),
  );
}

const ROUTES = documentedRoutes();
const reads = ROUTES.filter(({ method }) => method === 'GET');
const changes = ROUTES.filter(({ method }) => method === 'POST');
const capital = (key: string) => key.charAt(0).toUpperCase() + key.slice(1);

/** The query that a route needs for an answer. */
const ASKED: Record<string, string> = { '/files': '?path=held.csv', '/search': '?q=held' };

function isRefused({ status, headers, body }: Answer, wanted: number, error: string, what: string): void {
  assert.equal(status, wanted, `${what}: ${body}`);
  assert.match(String(headers['content-type']), /^application\/json/, what);
  const said = JSON.parse(body) as { error: string; sentence: string };
  assert.deepEqual(Object.keys(said), ['error', 'sentence'], what);
  assert.equal(said.error, error, what);
  assert.match(said.sentence, /\S.*\.$/, what);
}

/** A world with a held, a stored, a duplicate and a waiting file, a paused stage, and processes at work. */
async function busy(world: World): Promise<Served> {
  const served = await ingestServed(world, ['--max-bytes', '100']);
  world.drop('below/held.csv', 200);
  world.drop('held.csv', 201);
  world.held.add('below/held.csv').add('held.csv');
  world.drop('a.csv', 'same');
  world.drop('b.csv', 'same');
  await until('both to be held', () => world.jobs().filter(({ state }) => state === 'held').length === 2);
  await world.stored(1);
  await world.run('ingest-ctl', ['pause', 'hash']);
  world.drop('waits.csv', 'other');
  return served;
}

/** The rules are tested on the same busy world, in this order. */
const HOLDS: Record<string, (served: Served, world: World) => unknown> = {
  'is served, and no other is': () => {
    const source = readFileSync(join(PACKAGE, 'src/service/dashboard/server.ts'), 'utf8');
    const registered = [...source.matchAll(/app\.get(?:<[^(]*>)?\('(\/[a-z]*)'/g)].map(([, path]) => path);
    assert.deepEqual(reads.map(({ path }) => path).sort(), registered.sort());
    assert.deepEqual(changes.map(({ path }) => path).sort(), ['/discard', '/pause', '/resume', '/retry']);
  },

  'refuses a key that is not in its row, also one in another case, and changes nothing': async (served, world) => {
    const before = JSON.stringify([world.jobs().filter(({ state }) => state === 'held'), world.gates()]);
    for (const { path, keys } of reads)
      for (const key of ['zz', 'ZZ', '__proto__', 'constructor', ...keys.map(capital)])
        isRefused(await served.ask(`${path}?${key}=1`), 400, 'bad_query', `${path}?${key}=`);
    for (const { path, keys } of changes) {
      const verb = path.slice(1);
      const good: object = keys.includes('all') ? { all: true } : {};
      for (const key of ['zz', 'constructor', ...keys.map(capital)])
        for (const value of ['hash', 1, null, { a: 1 }])
          isRefused(await served.change(verb, { ...good, [key]: value }), 400, 'bad_query', `${path} {${key}}`);
      for (const key of ['zz', ...keys])
        isRefused(await served.change(`${verb}?${key}=1`, good), 400, 'bad_query', `${path}?${key}=`);
      for (const body of [null, [], 'all', 1, { all: 'true' }, { stage: null }, { feed: 1 }, { code: ['too_large'] }])
        isRefused(await served.change(verb, body as never), 400, 'bad_query', `${path} ${JSON.stringify(body)}`);
      for (const body of ['', '{', '{"__proto__": {"all": true}}'])
        isRefused(await posted(served, path, body), 400, 'bad_query', `${path} ${body}`);
    }
    assert.equal(JSON.stringify([world.jobs().filter(({ state }) => state === 'held'), world.gates()]), before);
  },

  'answers HEAD as GET, without the body; a change is none': async (served) => {
    for (const { path } of reads) {
      const url = `${path}${ASKED[path] ?? ''}`;
      const head = await served.ask(url, { method: 'HEAD' });
      assert.deepEqual([head.status, head.body], [200, ''], path);
      if (path === '/events') continue;
      const get = await served.ask(url);
      assert.equal(head.headers['content-type'], get.headers['content-type'], path);
    }
    assert.match(String((await served.ask('/events', { method: 'HEAD' })).headers['content-type']), /event-stream/);
    for (const { path } of changes) assert.equal((await served.ask(path, { method: 'HEAD' })).status, 404, path);
    assert.equal((await served.ask('/trace?zz=1', { method: 'HEAD' })).status, 400);
  },

  'gives times in ISO 8601, and keys in one case': async (served) => {
    const found: string[] = [];
    for (const { path } of reads) {
      const { body, headers } = await served.ask(
        `${path}${ASKED[path] ?? ''}`,
        path === '/events' ? { once: true } : {},
      );
      const json = path === '/events' ? /^data: (.*)$/m.exec(body)![1]! : body;
      if (path === '/events' || String(headers['content-type']).startsWith('application/json'))
        judge(JSON.parse(json), path, found);
    }
    const { body } = await served.change('pause', {});
    judge(JSON.parse(body), '/pause', found);
    await served.change('resume', { stage: 'move' });
    assert.deepEqual(found, []);
  },

  'refuses in one shape, whatever is wrong with the request': async (served) => {
    isRefused(await served.ask('/nothing'), 404, 'not_found', 'another path');
    isRefused(await served.ask('/nothing?a=1'), 404, 'not_found', 'another path with a query');
    isRefused(await served.ask('/stats', { method: 'DELETE' }), 404, 'not_found', 'another method');
    isRefused(await served.ask('/%zz'), 400, 'bad_request', 'a path that is none');
    isRefused(await served.ask(`/files?path=${'x'.repeat(9_000)}`), 431, 'headers_too_large', 'headers');
    isRefused(await served.ask('/stats', { headers: { host: 'evil.example' } }), 403, 'host_not_allowed', 'host');
    const large = JSON.stringify({ feed: 'x'.repeat(limits.bodyBytesMax) });
    for (const { path } of changes) {
      isRefused(await posted(served, path, '{}', 'text/plain'), 415, 'not_json', path);
      isRefused(await posted(served, path, large), 413, 'body_too_large', path);
      isRefused(await served.change(path.slice(1), {}, {}), 403, 'header_missing', path);
    }
    for (const feed of ['nothing', '', 'x'.repeat(65)])
      isRefused(await served.ask(`/errors?feed=${feed}`), 400, 'bad_query', `feed ${feed}`);
    for (const code of ['too_larg', '', 'paused'])
      isRefused(await served.ask(`/errors?code=${code}`), 400, 'bad_query', `code ${code}`);
    for (const raw of [
      'nonsense\r\n\r\n',
      'GET /stats HTTP/1.1\r\n\r\n',
      'GET /stats HTTP/1.1\r\nbad header\r\n\r\n',
    ]) {
      const [head = '', body = ''] = (await spoken(served, raw)).split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
      const type = /^content-type: (.*)$/im.exec(head)?.[1];
      const wanted = raw.startsWith('GET') && !raw.includes('bad') ? 'host_not_allowed' : 'bad_request';
      isRefused({ status, headers: { 'content-type': type }, body }, wanted === 'bad_request' ? 400 : 403, wanted, raw);
    }
  },
};

test('every route of the table', async (t) => {
  const world = createWorld(t);
  const served = await busy(world);
  for (const [what, ask] of Object.entries(HOLDS)) await t.test(what, () => ask(served, world) as Promise<void>);
});

const posted = (served: Served, path: string, body: string, type = 'application/json'): Promise<Answer> =>
  served.ask(path, { method: 'POST', headers: { 'content-type': type, 'x-ingest-action': '1' }, body });

/** Returns the answer to raw bytes, which may be no valid request. */
function spoken({ port, host }: Served, raw: string): Promise<string> {
  const socket = connect(port, host);
  socket.end(raw.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'));
  return text(socket);
}

/** Walks through an answer and collects values and keys of a wrong form. */
function judge(value: unknown, where: string, found: string[]): void {
  if (Array.isArray(value)) {
    for (const one of value) judge(one, where, found);
    return;
  }
  if (typeof value === 'number' && value >= EPOCH_MIN && !where.endsWith('bytes')) found.push(`${where} is ${value}`);
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]/.test(value) && !ISO.test(value))
    found.push(`${where} is ${value}`);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!SNAKE.test(key)) found.push(`${where}: the key ${key}`);
    if (OF_A_TIME.test(key))
      for (const one of [inner].flat())
        if (one !== null && !ISO.test(String(one))) found.push(`${where}.${key} is ${one}`);
    judge(inner, `${where}.${key}`, found);
  }
}
