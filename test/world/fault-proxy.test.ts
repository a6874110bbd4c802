/** The object store and the proxy in front of it do what tests of publishing stand on. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import * as s3 from '@aws-sdk/client-s3';
import { Bucket } from './bucket.js';
import { hasFaketime } from './faketime.js';
import { FaultProxy } from './fault-proxy.js';
import { selfSigned } from './self-signed.js';
import { until } from './waiting.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A client that retries nothing, at that endpoint. */
function clientAt(t: TestContext, endpoint: string, { accessKey, secretKey }: Bucket): s3.S3Client {
  const client = new s3.S3Client({
    region: 'us-east-1',
    endpoint,
    forcePathStyle: true,
    maxAttempts: 1,
    logger: quiet,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  t.after(() => client.destroy());
  return client;
}

/** `200`, or the error's name with its status or code. */
const ended = (sent: Promise<{ $metadata: { httpStatusCode?: number } }>): Promise<string> =>
  sent.then(
    ({ $metadata }) => String($metadata.httpStatusCode),
    ({ name, code, $metadata }) => `${name} ${code ?? $metadata?.httpStatusCode ?? ''}`.trim(),
  );

/** A bucket, and a proxy in front of it. `put`: only where nothing lies yet. */
async function begin(t: TestContext) {
  const bucket = await Bucket.start(t);
  if (!bucket) return undefined;
  const proxy = await FaultProxy.start(t, bucket.server.port);
  const client = clientAt(t, proxy.endpoint, bucket);
  const put = (key: string, body: string | Buffer, sha256?: string): Promise<string> => {
    const command = new s3.PutObjectCommand({ Bucket: bucket.name, Key: key, Body: body, IfNoneMatch: '*' });
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        if (sha256) headers['x-amz-content-sha256'] = sha256;
        return next(args);
      },
      { step: 'build' },
    );
    return ended(client.send(command));
  };
  return { bucket, proxy, client, put };
}

test('a PUT with the condition is done once, also if its answer is lost', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, proxy, put } = place;
  const lost = proxy.add({ kind: 'put', key: /^a$/ }, 'lose-answer');
  assert.equal(await put('a', 'first'), 'TimeoutError ECONNRESET');
  assert.equal(await put('a', 'second'), 'PreconditionFailed 412');
  assert.equal(String(await bucket.body('a')), 'first');
  assert.equal(await put('b', 'first'), '200');
  assert.equal(await put('b', 'second'), 'PreconditionFailed 412');
  assert.deepEqual(
    proxy.of('put').map(({ key, status }) => [key, status]),
    [
      ['a', undefined],
      ['a', 412],
      ['b', 200],
      ['b', 412],
    ],
  );
  assert.equal(lost.hits.length, 1);
  assert.equal(proxy.of('put')[0]!.headers['if-none-match'], '*');
});

test('a body that is not that of its checksum is refused', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, put } = place;
  const sha256 = createHash('sha256').update('right').digest('hex');
  assert.equal(await put('a', 'wrong', sha256), 'XAmzContentSHA256Mismatch 400');
  assert.deepEqual(await bucket.stored(), []);
  assert.equal(await put('a', 'right', sha256), '200');
  assert.equal((await bucket.stored())[0]!.sha256, sha256);
});

test('a request that is cut leaves nothing, at its beginning and in its middle', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, proxy, put } = place;
  const large = Buffer.alloc(6 * 2 ** 20, 'x');
  for (const fault of ['cut', 'cut-in-body'] as const) {
    proxy.add({ kind: 'put' }, fault);
    assert.match(await put('a', large), /^(?:TimeoutError|Error) E(?:CONNRESET|PIPE)$/, fault);
    assert.deepEqual(await bucket.keys(), [], fault);
  }
  assert.equal(await put('a', large), '200');
  assert.equal(await put('a', large), 'PreconditionFailed 412');
  assert.deepEqual(await bucket.body('a'), large);
});

test('an answer of the proxy: instead of the request, or after it', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, proxy, put } = place;
  const slow = proxy.add({ kind: 'put', after: 1, times: 2 }, { status: 503, code: 'SlowDown' });
  assert.equal(await put('a', '1'), '200');
  assert.equal(await put('b', '2'), 'SlowDown 503');
  assert.equal(await put('b', '2'), 'SlowDown 503');
  assert.equal(await put('b', '2'), '200');
  assert.equal(slow.hits.length, 2);
  proxy.add({ kind: 'put' }, { status: 200, code: 'InternalError', after: true });
  assert.equal(await put('c', '3'), 'InternalError 503');
  proxy.add({ kind: 'put' }, { status: 409, code: 'ConditionalRequestConflict' });
  assert.equal(await put('d', '4'), 'ConditionalRequestConflict 409');
  assert.deepEqual(await bucket.keys(), ['a', 'b', 'c']);
});

test('a held request arrives later, after its client has gone away', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, proxy, client, put } = place;
  const held = proxy.add({ kind: 'put', key: /^late$/ }, 'hold');
  const gone = new AbortController();
  const command = new s3.PutObjectCommand({ Bucket: bucket.name, Key: 'late', Body: 'old', IfNoneMatch: '*' });
  const sent = ended(client.send(command, { abortSignal: gone.signal }));
  await held.hit();
  gone.abort();
  assert.equal(await sent, 'AbortError');
  assert.equal(await put('late', 'new'), '200');
  await bucket.delete('late');
  assert.deepEqual(await held.release(), [200]);
  assert.equal(String(await bucket.body('late')), 'old');
});

test('a held answer: the server has done it', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, proxy, put } = place;
  const held = proxy.add({ kind: 'put' }, 'hold-answer');
  const sent = put('a', 'x');
  await held.hit();
  await until('the object', async () => (await bucket.keys()).length === 1);
  assert.deepEqual(await held.release(), [200]);
  assert.equal(await sent, '200');
});

test('each kind of request is known', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, proxy, client } = place;
  const at = { Bucket: bucket.name, Key: 'größe 100%.csv' };
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand(at));
  const { ETag } = await client.send(new s3.UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'x' }));
  await client.send(new s3.ListPartsCommand({ ...at, UploadId }));
  await client.send(new s3.ListMultipartUploadsCommand({ Bucket: bucket.name }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await client.send(new s3.CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload }));
  assert.equal((await client.send(new s3.HeadObjectCommand(at))).ContentLength, 1);
  assert.equal(await (await client.send(new s3.GetObjectCommand(at))).Body!.transformToString(), 'x');
  await client.send(new s3.ListObjectsV2Command({ Bucket: bucket.name }));
  const second = await client.send(new s3.CreateMultipartUploadCommand(at));
  await client.send(new s3.AbortMultipartUploadCommand({ ...at, UploadId: second.UploadId }));
  await client.send(new s3.DeleteObjectCommand(at));
  await client.send(new s3.HeadBucketCommand({ Bucket: bucket.name }));
  const kinds = 'create part list-parts list-uploads complete head get list create abort delete bucket';
  assert.equal(proxy.requests.map(({ kind }) => kind).join(' '), kinds);
  assert.ok(proxy.requests.every(({ key, status }) => ['', at.Key].includes(key) && [200, 204].includes(status!)));
  assert.equal(proxy.counts().create, 2);
});

test('a certificate that nobody vouches for, and connections that are refused', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  const proxy = await FaultProxy.start(t, bucket.server.port, selfSigned(t, 'elsewhere.example'));
  const list = (): Promise<string> =>
    ended(clientAt(t, proxy.endpoint, bucket).send(new s3.ListObjectsV2Command({ Bucket: bucket.name })));
  assert.equal(await list(), 'Error DEPTH_ZERO_SELF_SIGNED_CERT');
  await proxy.away();
  assert.equal(await list(), 'Error ECONNREFUSED');
  await proxy.back();
  assert.equal(await list(), 'Error DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('a bucket that is full, and one that forbids', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, put } = place;
  await bucket.deny(['s3:PutObject'], 'closed/*');
  assert.deepEqual([await put('closed/a', 'x'), await put('open/a', 'x')], ['AccessDenied 403', '200']);
  await bucket.allowAll();
  assert.equal(await put('closed/a', 'x'), '200');
  await bucket.fullAfter(2);
  assert.equal(await put('open/b', 'x'), 'QuotaExceeded 403');
  await bucket.fullAfter(undefined);
  assert.equal(await put('open/b', 'x'), '200');
});

test('a server that is killed and started has what it answered', async (t) => {
  const place = await begin(t);
  if (!place) return;
  const { bucket, put } = place;
  assert.equal(await put('a', 'x'), '200');
  await bucket.kill();
  assert.equal(await put('b', 'x'), 'TimeoutError ECONNRESET');
  await bucket.server.begin({ aheadS: hasFaketime() ? 86_400 : 0 });
  assert.deepEqual(await bucket.keys(), ['a']);
});
