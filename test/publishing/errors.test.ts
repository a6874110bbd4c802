/** An operator sees why a bucket cannot be used, and nothing is lost by it. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { Bucket } from '../world/bucket.js';
import { hasFaketime } from '../world/faketime.js';
import { FaultProxy } from '../world/fault-proxy.js';
import { checkBucket, linesOf, objectsOf, proxied, publisher } from '../world/publisher.js';
import { selfSigned } from '../world/self-signed.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** A feed that publishes into the bucket, by an address of its own. */
const publishing = (bucket: Bucket, publishEndpoint: string | undefined, more = {}) => ({
  options: { publish: `s3://${bucket.name}/raw`, publishEndpoint, publishPathStyle: true, ...more },
});

const gateOf = (world: World, feed: string) => world.gates(feed).find(({ stage }) => stage === 'publish');

/** As one line: a screen breaks it. */
const seen = async (
  world: World,
  command: string,
  ...args: string[]
): Promise<{ code: number | null; text: string }> => {
  const { code, stdout } = await world.run(command, args);
  return { code, text: stdout.replace(/\s+/g, ' ') };
};

/** The gate is closed for that, and each view says so. */
async function isClosed(world: World, feed: string, code: string | RegExp, sentence: RegExp): Promise<void> {
  const gate = await until(`the gate of ${feed} is closed`, () => gateOf(world, feed));
  assert.match(gate.code, new RegExp(typeof code === 'string' ? `^${code}$` : code));
  assert.equal(gate.place, 'bucket');
  assert.match(gate.reason, sentence);
  const stat = await seen(world, 'queue-stat', '--feed', feed);
  assert.match(stat.text, new RegExp(`publish of ${feed} is closed, ${gate.code}: the bucket `));
  assert.match(stat.text, sentence);
  assert.match(stat.text, /what is to be published waits, and goes on by itself/);
  const check = await seen(world, 'queue-stat', '--check', '--feed', feed);
  assert.equal(check.code, 2);
  assert.match(check.text, sentence);
  for (const { attempts, crashes, state } of world.jobs(feed)) {
    assert.deepEqual([attempts, crashes], [0, 0], `no attempt is spent on ${gate.code}`);
    assert.notEqual(state, 'held');
  }
}

/** Happens to a store while it is used, through a proxy. */
interface Trouble {
  code: string;
  sentence: RegExp;
  begin: (bucket: Bucket, proxy: FaultProxy) => unknown;
  end: (bucket: Bucket, proxy: FaultProxy) => unknown;
}

const answers = (status: number, code: string, sentence: RegExp): Trouble => ({
  code,
  sentence,
  begin: (_, proxy) => proxy.add({ times: Number.POSITIVE_INFINITY }, { status, code }),
  end: (_, proxy) => proxy.calm(),
});

const TROUBLES: Trouble[] = [
  {
    code: 'QuotaExceeded',
    sentence: /it is full, or over its quota: raise the quota or delete objects/,
    begin: (bucket) => bucket.fullAfter(1),
    end: (bucket) => bucket.fullAfter(undefined),
  },
  {
    code: 'AccessDenied',
    sentence: /this user may not write there: give it the permissions that docs\/publish\.md lists/,
    begin: (bucket) => bucket.deny(['s3:PutObject']),
    end: (bucket) => bucket.allowAll(),
  },
  {
    code: 'ECONNREFUSED',
    sentence: /nothing answers at its address: start it, or correct --publish-endpoint/,
    begin: (_, proxy) => proxy.away(),
    end: (_, proxy) => proxy.back(),
  },
  {
    code: 'ECONNRESET',
    sentence: /it ends connections without an answer: see the store, or write https:/,
    begin: (_, proxy) => proxy.add({ times: Number.POSITIVE_INFINITY }, 'cut'),
    end: (_, proxy) => proxy.calm(),
  },
  answers(400, 'AuthorizationHeaderMalformed', /it is in another region: correct --publish-region/),
  answers(301, 'PermanentRedirect', /it is in another region: correct --publish-region/),
  answers(403, 'RequestTimeTooSkewed', /the clock of this machine differs .*: set it, and keep it set \(NTP\)/),
  answers(400, 'ExpiredToken', /the credentials have expired: renew them/),
  answers(411, 'MissingContentLength', /it does not take requests as this ingestor sends them \(411\): use another/),
  answers(501, 'NotImplemented', /it does not know the condition If-None-Match, .*: use another store/),
  answers(400, 'SomethingNew', /it refuses a request with status 400 \(of the test\): see its log/),
];

test('a store that cannot be used closes the gate of its feed, which opens by itself; other feeds go on', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  Object.assign(process.env, bucket.environment);
  const proxy = await FaultProxy.start(t, bucket.server.port);
  const healthy = await bucket.another();
  const world = createWorld(t, {
    feeds: { ill: publishing(bucket, proxy.endpoint), fine: publishing(healthy, bucket.endpoint) },
  });
  const ingest = world.start('ingest');
  const comes = async (count: number): Promise<void> => {
    for (const [feed, where] of [
      ['fine', healthy],
      ['ill', bucket],
    ] as const)
      await until(
        `${count} files of ${feed} are published`,
        async () => (await objectsOf(where, feed)).length === count,
      );
  };
  const drop = (name: string): void => {
    for (const feed of ['ill', 'fine']) world.drop(`${name}.csv`, `id\n${name} of ${feed}\n`, { feed });
  };
  drop('before');
  await comes(1);
  for (const [n, trouble] of TROUBLES.entries()) {
    await t.test(`${trouble.code}`, async () => {
      await trouble.begin(bucket, proxy);
      try {
        drop(trouble.code);
        await until('the other feed goes on', async () => (await objectsOf(healthy, 'fine')).length === n + 2);
        await isClosed(world, 'ill', trouble.code, trouble.sentence);
        const explained = await seen(world, 'ingest-ctl', 'explain', `${trouble.code}.csv`, '--feed', 'ill');
        assert.match(explained.text, trouble.sentence);
        assert.match(explained.text, /it goes on by itself as soon as that is repaired; .* no attempt is spent/);
      } finally {
        await trouble.end(bucket, proxy);
      }
      await comes(n + 2);
      await until('the gate is open', () => gateOf(world, 'ill') === undefined);
    });
  }
  await ingest.stop();
  for (const [feed, where] of [
    ['fine', healthy],
    ['ill', bucket],
  ] as const) {
    assert.equal((await linesOf(where, feed)).length, TROUBLES.length + 1);
    await checkBucket(where, feed);
  }
});

test('a store that asks for less gets less, and no attempt is spent', async (t) => {
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await until('it is published', async () => (await objectsOf(bucket, 'sales')).length === 1);
  const slow = proxy.add(
    { kind: 'put', key: /b\.csv$/, times: Number.POSITIVE_INFINITY },
    { status: 503, code: 'SlowDown' },
  );
  world.drop('b.csv', 'id\n2\n');
  await slow.hit(3);
  const asked = async () => (await seen(world, 'ingest-ctl', 'explain', 'b.csv')).text.includes('asked to send less');
  await until('it waits, and says for what', asked);
  slow.end();
  await until('both are published', async () => (await objectsOf(bucket, 'sales')).length === 2);
  const slowDelete = proxy.add(
    { kind: 'delete', key: /b\.csv$/, times: Number.POSITIVE_INFINITY },
    { status: 503, code: 'SlowDown' },
  );
  await seen(world, 'ingest-ctl', 'withdraw', 'b.csv', '--reason', 'wrong month');
  await slowDelete.hit(2);
  slowDelete.end();
  await until('its object is gone', async () => (await objectsOf(bucket, 'sales')).length === 1);
  await ingest.stop();
  assert.ok(slow.hits.length < 10, `${slow.hits.length} requests`);
  assert.equal(world.log.named('gate_closed').length, 0);
  for (const { attempts } of world.jobs('sales')) assert.equal(attempts, 0);
  await checkBucket(bucket, 'sales');
});

test('a store that fails writes and answers reads holds no file: it is tried again until it is taken', async (t) => {
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const ingest = world.start('ingest', ['--max-attempts', '2']);
  const fails = proxy.add(
    { kind: 'put', key: /\.csv$/, times: Number.POSITIVE_INFINITY },
    { status: 500, code: 'InternalError' },
  );
  world.drop('a.csv', 'id\n1\n');
  await fails.hit(4);
  const [job] = world.jobs('sales');
  assert.deepEqual([job!.state === 'held', job!.attempts], [false, 0]);
  assert.match((await seen(world, 'ingest-ctl', 'explain', 'a.csv')).text, /not taken by the store/);
  fails.end();
  await until('it is published', async () => (await objectsOf(bucket, 'sales')).length === 1);
  await ingest.stop();
  await checkBucket(bucket, 'sales');
});

test('a store that refuses each request about one object, and does not say why, stops that file alone', async (t) => {
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const ingest = world.start('ingest');
  const bad = proxy.add({ key: /bad\.csv$/, times: Number.POSITIVE_INFINITY }, { status: 400, code: 'SomethingNew' });
  world.drop('bad.csv', 'id\n1\n');
  const attempts = () => world.jobs('sales').find(({ key }) => key === 'bad.csv')?.attempts ?? 0;
  await until('it is tried again', () => attempts() > 1);
  assert.match(
    (await seen(world, 'ingest-ctl', 'explain', 'bad.csv')).text,
    /it refuses a request with status 400 \(of the test\): see its log/,
  );
  world.drop('good.csv', 'id\n2\n');
  await until('the other one is published', async () => (await objectsOf(bucket, 'sales')).length === 1);
  assert.equal(world.log.named('gate_closed').length, 0);
  bad.end();
  await until('both are published', async () => (await objectsOf(bucket, 'sales')).length === 2);
  await ingest.stop();
  await checkBucket(bucket, 'sales');
});

test('a bucket that is missing is waited for', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  Object.assign(process.env, bucket.environment);
  const name = `${bucket.name}-later`;
  const world = createWorld(t, {
    feeds: { sales: publishing(bucket, bucket.endpoint, { publish: `s3://${name}/raw` }) },
  });
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  world.drop('taken-away.csv', 'id\n2\n');
  await isClosed(world, 'sales', 'NoSuchBucket', /there is no such bucket: create it, or correct --publish/);
  await world.stored();
  const lost = world.warehouse('sales').find(({ path }) => path.endsWith('taken-away.csv'))!;
  rmSync(join(world.feed('sales').warehouse, lost.path));
  await bucket.client().send(new CreateBucketCommand({ Bucket: name }));
  await world.event('file_published');
  const isHeld = () => world.jobs('sales').some(({ hold_code }) => hold_code === 'local_file_missing');
  await until('what is gone is not forgotten', isHeld);
  await ingest.stop();
  const states = world.jobs('sales').map(({ state }) => state);
  assert.deepEqual(states.sort(), ['done', 'held']);
});

test('a wrong address, certificate or region closes the gate of that feed alone; a start with the right one publishes', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  Object.assign(process.env, bucket.environment);
  const unknown = await FaultProxy.start(t, bucket.server.port, selfSigned(t, '127.0.0.1'));
  const certificate = selfSigned(t, 'elsewhere.example');
  const elsewhere = await FaultProxy.start(t, bucket.server.port, certificate);
  const settings: [feed: string, endpoint: string | undefined, code: RegExp, sentence: RegExp][] = [
    ['dns', 'http://nothing.invalid', /^(ENOTFOUND|EAI_AGAIN)$/, /its name cannot be resolved: correct --publish-end/],
    ['untrusted', unknown.endpoint, /^DEPTH_ZERO_SELF_SIGNED_CERT$/, /name the file of that CA in NODE_EXTRA_CA_CERTS/],
    ['other', elsewhere.endpoint, /^ERR_TLS_CERT_ALTNAME_INVALID$/, /its certificate is for another name: name that/],
    ['plain', bucket.endpoint.replace('http:', 'https:'), /^EPROTO$/, /it speaks no TLS there: write http:\/\//],
    ['hidden', unknown.endpoint.replace('https:', 'http:'), /^ECONNRESET$/, /write https:\/\/ in --publish-endpoint/],
    ['region', undefined, /^no_region$/, /its region is not known: set --publish-region/],
  ];
  const world = createWorld(t, {
    feeds: {
      ...Object.fromEntries(settings.map(([feed, endpoint]) => [feed, publishing(bucket, endpoint)])),
      fine: publishing(bucket, bucket.endpoint),
    },
  });
  const env = { NODE_EXTRA_CA_CERTS: certificate.path, AWS_ENDPOINT_URL: bucket.endpoint };
  for (const { name: feed } of world.feeds) world.drop('a.csv', `id\n${feed}\n`, { feed });
  const ingest = world.start('ingest', [], { env });
  await until('the other feed is published', async () => (await objectsOf(bucket, 'fine')).length === 1);
  for (const [feed] of settings) await until(`the gate of ${feed} is closed`, () => gateOf(world, feed));
  const { text } = await seen(world, 'queue-stat');
  for (const [feed, , code, sentence] of settings) {
    assert.match(gateOf(world, feed)!.code, code);
    assert.match(gateOf(world, feed)!.reason, sentence);
    assert.match(text, sentence);
    await until('the file is stored', () => world.jobs(feed)[0]?.stage === 'publish');
    assert.equal(world.jobs(feed)[0]!.attempts, 0);
  }
  await ingest.stop();
  const config = JSON.parse(readFileSync(world.configPath, 'utf8'));
  for (const [feed] of settings) config.feeds[feed]['publish-endpoint'] = bucket.endpoint;
  writeFileSync(world.configPath, JSON.stringify(config));
  await world.runOnce([], { env });
  for (const { name: feed } of world.feeds) {
    assert.equal((await linesOf(bucket, feed)).length, 1, feed);
    await checkBucket(bucket, feed);
  }
});

test('--once with credentials that are refused ends with 4 and says how many files wait; with the right ones all come', async (t) => {
  const made = await publisher(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket } = made;
  const refused = /the credentials were refused: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/;
  const cases: [NodeJS.ProcessEnv, code: string, sentence: RegExp][] = [
    [{ AWS_SECRET_ACCESS_KEY: 'wrong' }, 'SignatureDoesNotMatch', refused],
    [{ AWS_ACCESS_KEY_ID: 'nobody' }, 'InvalidAccessKeyId', refused],
    [{ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, 'CredentialsProviderError', /there are no credentials: set/],
    [{ AWS_SESSION_TOKEN: 'token\n' }, 'ERR_INVALID_CHAR', /a character that no header may have, such as a line end/],
    [await bucket.stranger('somebody'), 'AccessDenied', /this user may not write there: give it the permissions/],
  ];
  for (const [n, [env, code, sentence]] of cases.entries()) {
    world.drop(`${code}.csv`, `id\n${code}\n`);
    const ended = await world.runOnce([], { env, code: 4 });
    const waits = `${n === 0 ? '1 file' : `${n + 1} files`} stored and not published: the bucket cannot be used`;
    assert.ok(ended.stderr.includes(waits), ended.stderr.slice(-2_000));
    await isClosed(world, 'sales', code, sentence);
  }
  await world.runOnce();
  assert.equal((await linesOf(bucket, 'sales')).length, cases.length);
  await checkBucket(bucket, 'sales');
  world.check();
});

test('--once with a bucket that is full before the line: the file counts as not published', async (t) => {
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const parts = proxy.add(
    { kind: 'put', key: /_manifests/, after: 1, times: 1e9 },
    { status: 403, code: 'QuotaExceeded' },
  );
  world.drop('a.csv', 'id\n1\n');
  // The gate would open again: its probe writes no part.
  const markers = proxy.add(
    { kind: 'put', key: /_ingest\.json/, after: 2, times: 1e9 },
    { status: 403, code: 'QuotaExceeded' },
  );
  const ended = await world.runOnce([], { code: 4 });
  assert.match(ended.stderr, /1 file stored and not published/);
  assert.ok(parts.hits.length > 0 && world.jobs('sales').every(({ state }) => state === 'done'));
  parts.end();
  markers.end();
  await world.runOnce();
  await checkBucket(bucket, 'sales');
  assert.equal((await linesOf(bucket, 'sales')).length, 1);
});

test('a store whose clock is an hour ahead: the gate says so, and the file comes all the same', async (t) => {
  if (!hasFaketime()) return t.skip('libfaketime is not installed');
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await world.event('file_published');
  // The client corrects its clock by the first answer: that is to be one that concerns files.
  await until('uploads were looked for', () => proxy.of('list-uploads').length > 0);
  await until('its line is there', async () => (await linesOf(bucket, 'sales')).length === 1);
  await bucket.restart({ aheadS: 3_600 });
  t.after(() => bucket.restart());
  world.drop('b.csv', 'id\n2\n');
  const { reason } = await world.event('gate_closed', ({ code }) => code === 'RequestTimeTooSkewed');
  assert.match(String(reason), /the clock of this machine differs from that of the store by too much: set it/);
  await world.event('file_published', ({ path }) => String(path).endsWith('b.csv'));
  await ingest.stop();
  for (const { attempts } of world.jobs('sales')) assert.equal(attempts, 0);
  await checkBucket(bucket, 'sales');
  assert.equal((await linesOf(bucket, 'sales')).length, 2);
});

test('--once asks again where an answer was lost, and ends with 0', async (t) => {
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const lost = proxy.add({ kind: 'list' }, 'cut');
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  assert.equal(lost.hits.length, 1);
  assert.equal((await linesOf(bucket, 'sales')).length, 1);
});

test('a full bucket is probed by a write: its files are not sent again and again', async (t) => {
  const made = await proxied(t, { feedNames: ['sales'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await world.event('file_published');
  await bucket.fullAfter(1);
  world.drop('b.csv', 'id\n2\n');
  await world.event('gate_closed', ({ code }) => code === 'QuotaExceeded');
  const probes = () => proxy.of('put', /_ingest\.json$/).filter(({ status }) => status === 403).length;
  await until('three probes', () => probes() >= 3);
  assert.equal(proxy.of('put', /b\.csv$/).length, 1);
  await bucket.fullAfter(undefined);
  await world.event('file_published', ({ path }) => String(path).endsWith('b.csv'));
  await ingest.stop();
  assert.equal(proxy.of('put', /b\.csv$/).length, 2);
  assert.equal(world.log.named('gate_closed').length, 1);
});
