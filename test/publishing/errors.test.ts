/** What an operator sees where a bucket cannot be used, and that nothing is lost by it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Bucket } from '../world/bucket.js';
import { FaultProxy } from '../world/fault-proxy.js';
import { checkBucket, linesOf, objectsOf } from '../world/publisher.js';
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
  assert.match(stat.text, /files are stored as ever; what is to be published waits, and goes on by itself/);
  const check = await seen(world, 'queue-stat', '--check', '--feed', feed);
  assert.equal(check.code, 2);
  assert.match(check.text, sentence);
  for (const { attempts, crashes, state } of world.jobs(feed)) {
    assert.deepEqual([attempts, crashes], [0, 0], `no attempt is spent on ${gate.code}`);
    assert.notEqual(state, 'held');
  }
}

/** What happens to a store while it is used, through a proxy. */
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
      drop(trouble.code);
      await until('the other feed goes on', async () => (await objectsOf(healthy, 'fine')).length === n + 2);
      await isClosed(world, 'ill', trouble.code, trouble.sentence);
      const explained = await seen(world, 'ingest-ctl', 'explain', `${trouble.code}.csv`, '--feed', 'ill');
      assert.match(explained.text, trouble.sentence);
      assert.match(explained.text, /it goes on by itself as soon as that is repaired; .* no attempt is spent/);
      await trouble.end(bucket, proxy);
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
