/** Refused requests: each rule of docs/http-api.md is tested by a request over a real socket. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../../src/service/dashboard/data/limits.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { type Answer, dashboardAlone, freePort, Served } from './served.js';

const TOKEN = '0123456789abcdef0123456789abcdef';

async function withState(world: World): Promise<void> {
  world.drop('a.csv', 100);
  await world.runOnce();
}

function refused(answer: Answer, status: number, error: string): void {
  assert.equal(answer.status, status, answer.body);
  assert.equal(JSON.parse(answer.body).error, error);
}

test('a foreign Host name is refused on every path', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const served = await dashboardAlone(world);
  for (const host of [
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    '192.0.2.7',
    'localhost@evil.example',
  ])
    for (const path of ['/', '/stats', '/events', '/metrics', '/healthz', '/nothing'])
      refused(await served.ask(path, { headers: { host } }), 403, 'host_not_allowed');
  for (const host of ['localhost', `localhost:${served.port}`, '127.0.0.1', '127.0.0.2:1', '[::1]:8000', 'LOCALHOST'])
    assert.equal((await served.ask('/stats', { headers: { host } })).status, 200, host);
});

test('a Host name of --dashboard-hosts is accepted', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const served = await dashboardAlone(world, { args: ['--dashboard-hosts', 'Ingest.example.org'] });
  assert.equal((await served.ask('/stats', { headers: { host: 'ingest.example.org' } })).status, 200);
  refused(await served.ask('/stats', { headers: { host: 'x.ingest.example.org' } }), 403, 'host_not_allowed');
});

test('a change needs the origin of the dashboard and the header that no foreign page can send', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const served = await dashboardAlone(world);
  const own = `http://127.0.0.1:${served.port}`;
  const act = { 'x-ingest-action': '1' };
  for (const verb of ['pause', 'resume', 'retry', 'discard']) {
    refused(await served.change(verb, { all: true }, {}), 403, 'header_missing');
    for (const origin of ['http://example.com', 'null', `http://localhost:${served.port + 1}`])
      refused(await served.change(verb, { all: true }, { ...act, origin }), 403, 'foreign_origin');
    refused(await served.change(verb, {}, { ...act, 'sec-fetch-site': 'cross-site' }), 403, 'foreign_origin');
    // A form of a foreign page can send this.
    const form = { ...act, 'content-type': 'text/plain' };
    assert.equal((await served.ask(`/${verb}`, { method: 'POST', headers: form, body: '{}' })).status, 415);
  }
  assert.deepEqual(world.gates(), [], 'nothing was changed');
  const paused = await served.change('pause', { stage: 'hash', feed: 'default' }, { ...act, origin: own });
  assert.equal(paused.status, 200);
  assert.equal(world.gates().length, 1);
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
    assert.equal((await served.ask('/pause', { method, headers: act })).status, 404, method);
  assert.equal((await served.ask('/pause', { headers: act })).status, 404, 'a change is no GET');
});

test('a command without a dashboard takes the file of one whose token it does not know', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const { name, input, warehouse, manifests } = world.feed();
  const config = join(world.root, 'shared.json');
  const feeds = { [name]: { input, warehouse, manifests } };
  const all = { 'state-path': world.statePath, dashboard: `0.0.0.0:${await freePort()}`, feeds };
  writeFileSync(config, JSON.stringify(all));
  const { code, stderr } = await world.launch('ingest-ctl', ['rebuild', '--config', config]).ended;
  assert.equal(code, 0, stderr);
});

test('beyond loopback nothing starts without a token, and no request without it is answered', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const port = String(await freePort());
  const open = ['--dashboard', `0.0.0.0:${port}`, '--state-path', world.statePath];
  const { code, stderr } = await world.launch('ingest-dashboard', open).ended;
  assert.equal(code, 2);
  assert.match(stderr, /token.*--dashboard-token-file/);
  const short = await world.launch('ingest-dashboard', open, { env: { INGEST_DASHBOARD_TOKEN: 'short' } }).ended;
  assert.equal(short.code, 2);
  assert.match(short.stderr, /INGEST_DASHBOARD_TOKEN must have 16 to 1024 characters/);
  assert.doesNotMatch(short.stderr, /short;|"short"/, 'a token is never repeated');
  const byEnvironment = await dashboardAlone(world, { address: '0.0.0.0:', env: { INGEST_DASHBOARD_TOKEN: TOKEN } });
  const bearer = { authorization: `Bearer ${TOKEN}` };
  for (const host of ['localhost', '192.0.2.7:8000'])
    assert.equal((await byEnvironment.ask('/stats', { headers: { ...bearer, host } })).status, 200, host);
  refused(await byEnvironment.ask('/stats', { headers: { ...bearer, host: 'evil.example' } }), 403, 'host_not_allowed');

  const file = join(world.root, 'token');
  writeFileSync(file, `${TOKEN}\n`);
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602]) {
    chmodSync(file, mode);
    const exposed = await world.launch('ingest-dashboard', [...open, '--dashboard-token-file', file]).ended;
    assert.equal(exposed.code, 3, exposed.stderr);
    assert.match(
      exposed.stderr,
      /--dashboard-token-file must be .* its owner alone .* 06\d\d; run: chmod 600 .*token\./,
    );
  }
  chmodSync(file, 0o600);
  const served = await dashboardAlone(world, { address: '0.0.0.0:', args: ['--dashboard-token-file', file] });
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const wrong: Record<string, string>[] = [
    {},
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: `Bearer ${TOKEN.slice(1)}` },
    { authorization: TOKEN },
    basic(`${TOKEN}:`),
    basic(TOKEN.toUpperCase()),
  ];
  for (const path of ['/', '/stats', '/events', '/metrics', '/files?path=x', '/assets/dashboard.js'])
    for (const headers of wrong) refused(await served.ask(path, { headers }), 401, 'token_missing');
  refused(await served.change('pause', {}), 401, 'token_missing');
  for (const headers of [{ authorization: `Bearer ${TOKEN}` }, basic(`anybody:${TOKEN}`)])
    assert.equal((await served.ask('/stats', { headers })).status, 200);
  for (const path of ['/healthz', '/readyz']) assert.equal((await served.ask(path)).status, 200, path);
  refused(await served.ask('/healthz', { headers: { host: 'evil.example' } }), 403, 'host_not_allowed');
});

test('a file of a secret that is empty is refused, whatever the variable has', async (t) => {
  const world = createWorld(t);
  const empty = join(world.root, 'empty');
  const dashboard = ['--dashboard', `127.0.0.1:${await freePort()}`, '--state-path', world.statePath];
  const webhook = ['--notify-webhook', 'http://127.0.0.1:1/', '--notify-secret-file', empty];
  for (const text of ['', '\n']) {
    writeFileSync(empty, text, { mode: 0o600 });
    for (const launched of [
      world.launch('ingest-dashboard', [...dashboard, '--dashboard-token-file', empty], {
        env: { INGEST_DASHBOARD_TOKEN: TOKEN },
      }),
      world.launch('ingest-ctl', ['notify-test', ...webhook], { env: { INGEST_NOTIFY_SECRET: TOKEN } }),
    ]) {
      const { code, stderr } = await launched.ended;
      assert.equal(code, 2, stderr);
      assert.match(stderr, /in .*empty must have 16 to 1024 characters without blanks, but has 0;/);
    }
  }
});

test('every query is bounded', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const served = await dashboardAlone(world);
  const bad = [
    ...['/trace?n=0', '/trace?n=101', '/trace?n=-1', '/trace?n=1e3', '/trace?n=', '/trace?n=1&n=2', '/trace?m=1'],
    ...['/errors?limit=501', '/errors?limit=x', '/errors?feed=', `/errors?code=${'x'.repeat(65)}`],
    ...['/files', '/files?path=', '/files?path=a%00b', '/files?sha256=12', `/files?path=x&sha256=${'0'.repeat(64)}`],
    `/files?path=${'x'.repeat(limits.pathCharsMax + 1)}`,
  ];
  for (const path of bad) refused(await served.ask(path), 400, 'bad_query');
  assert.equal((await served.ask(`/files?path=${'x'.repeat(9_000)}`)).status, 431);
  const many = { jobs: Array.from({ length: limits.namedJobsMax + 1 }, () => '0'.repeat(26)) };
  assert.equal((await served.change('retry', many)).status, 400);
  assert.equal((await served.change('retry', { jobs: ['x'.repeat(limits.bodyBytesMax)] })).status, 413);
  for (const body of [
    {},
    { jobs: [] },
    { jobs: ["'; DROP TABLE jobs"] },
    { all: true, jobs: ['0'.repeat(26)] },
    { more: 1 },
  ])
    assert.equal((await served.change('discard', body)).status, 400, JSON.stringify(body));
  for (const body of [{ stage: 'nothing' }, { feed: 'nothing' }, { stage: '' }, { stage: 'process', feed: 'default' }])
    refused(await served.change('pause', body), 400, 'bad_query');
  assert.deepEqual(world.gates(), []);
});

test('only the files of the page are served', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const served = await dashboardAlone(world);
  for (const path of [
    ...[
      '/../../../etc/passwd',
      '/assets/../server.js',
      '/assets/..%2f..%2fpackage.json',
      '/assets/%2e%2e/snapshots.js',
    ],
    ...[
      '/assets/....//x',
      '/assets//etc/passwd',
      '/assets/index.html%00.js',
      '/index.html',
      '/assets/',
      '/package.json',
    ],
  ]) {
    const { status, body } = await served.ask(path);
    assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    assert.doesNotMatch(body, /root:|dependencies/);
  }
  const page = await served.ask('/');
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'; script-src 'self';/);
  for (const [, asset] of page.body.matchAll(/(?:src|href)="(assets\/[^"]+)"/g))
    assert.equal((await served.ask(`/${asset}`)).status, 200, asset);
  assert.doesNotMatch(page.body, /https?:\/\//, 'nothing comes from another host');
});

test('a name of a file gets into no header and no markup', async (t) => {
  const world = createWorld(t);
  const name = 'a\r\nset-cookie: x=1\r\n\r\n<img src=x onerror=alert(1)>.csv';
  world.drop(name, 100);
  await world.runOnce();
  const served = await dashboardAlone(world);
  for (const path of ['/stats', '/trace', '/metrics', `/files?path=${encodeURIComponent(name)}`]) {
    const { status, headers } = await served.ask(path);
    assert.equal(status, 200, path);
    assert.equal(headers['set-cookie'], undefined);
    assert.doesNotMatch(String(headers['content-type']), /html/);
  }
  const { last } = await served.json<{ last: { path: string }[] }>('/trace');
  assert.equal(last[0]!.path, name);
});

test('a thousand silent connections keep no other client out', async (t) => {
  const world = createWorld(t);
  await withState(world);
  const served = await dashboardAlone(world);
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let i = 0; i < 1_000; i++) sockets.push(connect(served.port, '127.0.0.1').on('error', () => {}));
  await until(
    'the surplus to be closed',
    () => sockets.filter(({ closed }) => closed).length >= 1_000 - limits.connectionsMax,
  );
  assert.equal((await served.ask('/stats')).status, 200);
  assert.equal((await new Served(served.port).ask('/')).status, 200);
});
