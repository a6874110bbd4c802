/**
 * A bucket of a real S3 server, for a test. The server is that of ceph.ts. The tests of a file share it, and each of them
 * has a bucket of its own.
 * Guarantees: what a test reads here goes past every proxy, by the client that the product uses.
 */
import { createHash } from 'node:crypto';
import { after, type TestContext } from 'node:test';
import * as s3 from '@aws-sdk/client-s3';
import { Ceph, type CephSettings, hasCeph } from './ceph.js';

/** An object as the bucket has it. */
export interface Stored {
  key: string;
  size: number;
  etag: string;
  metadata: Record<string, string>;
  sha256: string;
}

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

const keysOf = (user: string): Keys => ({ accessKey: `access-${user}`, secretKey: `secret-${user}` });
const OWNER = 'ingest';
let made = 0;

const started: Ceph[] = [];
const servers = new Map<number, Promise<Ceph>>();
after(async () => {
  for (const server of started) await server.remove();
});

function serverWith(settings: CephSettings): Promise<Ceph> {
  const { onDisk = 0 } = settings;
  const begin = async (): Promise<Ceph> => {
    const server = await Ceph.start((ceph) => started.push(ceph), settings);
    await addUser(server, OWNER);
    return server;
  };
  const server = servers.get(onDisk) ?? begin();
  servers.set(onDisk, server);
  return server;
}

export class Bucket implements Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  #client: s3.S3Client | undefined;
  #aheadS = 0;

  private constructor(
    readonly server: Ceph,
    readonly name: string,
  ) {
    ({ accessKey: this.accessKey, secretKey: this.secretKey } = keysOf(OWNER));
  }

  /** Undefined, and the test is skipped, if Ceph is not installed. A gateway that another test has killed is started. */
  static async start(t: TestContext, settings: CephSettings = {}): Promise<Bucket | undefined> {
    if (!hasCeph()) {
      t.skip('Ceph is not installed (Debian: ceph-mon ceph-osd radosgw): publishing into a bucket was not tested');
      return undefined;
    }
    const server = await serverWith(settings);
    if (!server.isRunning) await server.begin();
    return Bucket.create(server);
  }

  /** A second bucket of the same server and the same owner. */
  another(): Promise<Bucket> {
    return Bucket.create(this.server);
  }

  private static async create(server: Ceph): Promise<Bucket> {
    const bucket = new Bucket(server, `warehouse-${++made}`);
    await bucket.client().send(new s3.CreateBucketCommand({ Bucket: bucket.name }));
    return bucket;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** The environment of a program that may use it. The client's settings on this machine are not read. */
  get environment(): NodeJS.ProcessEnv {
    return environmentOf(this);
  }

  /** Another user of the server, who may do nothing with this bucket. */
  async stranger(name: string): Promise<NodeJS.ProcessEnv> {
    await addUser(this.server, name);
    return environmentOf(keysOf(name));
  }

  /** A client past every proxy. Its clock is that of the server. */
  client(): s3.S3Client {
    this.#client ??= new s3.S3Client({
      region: 'us-east-1',
      endpoint: this.endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: this.accessKey, secretAccessKey: this.secretKey },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      systemClockOffset: this.#aheadS * 1_000,
    });
    this.#client.config.systemClockOffset = this.server.aheadS * 1_000;
    return this.#client;
  }

  async restart(begin: { aheadS?: number } = {}): Promise<void> {
    await this.server.kill();
    await this.server.begin(begin);
    this.#aheadS = begin.aheadS ?? 0;
    this.#client = undefined;
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  /** All keys, in their order. */
  async keys(prefix = ''): Promise<string[]> {
    const keys: string[] = [];
    const pages = s3.paginateListObjectsV2({ client: this.client() }, { Bucket: this.name, Prefix: prefix });
    for await (const page of pages) keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    return keys;
  }

  /** Undefined if nothing lies there. */
  async body(key: string): Promise<Buffer | undefined> {
    return (await this.read(key))?.body;
  }

  /** Each object, read as a whole. */
  async stored(prefix = ''): Promise<Stored[]> {
    const keys = await this.keys(prefix);
    const all: Stored[] = [];
    // So many at once: thousands one by one take minutes.
    for (let at = 0; at < keys.length; at += 16)
      all.push(...(await Promise.all(keys.slice(at, at + 16).map((key) => this.one(key)))).flat());
    return all;
  }

  /** Keys of uploads that were begun and neither completed nor aborted. */
  async uploads(): Promise<{ key: string; id: string }[]> {
    const { Uploads = [] } = await this.client().send(new s3.ListMultipartUploadsCommand({ Bucket: this.name }));
    return Uploads.map(({ Key, UploadId }) => ({ key: Key!, id: UploadId! }));
  }

  async put(key: string, body: string | Buffer, metadata: Record<string, string> = {}): Promise<void> {
    await this.client().send(new s3.PutObjectCommand({ Bucket: this.name, Key: key, Body: body, Metadata: metadata }));
  }

  async delete(key: string): Promise<void> {
    await this.client().send(new s3.DeleteObjectCommand({ Bucket: this.name, Key: key }));
  }

  /** The owner may no longer do that with those keys, until `allowAll`. */
  async deny(actions: readonly `s3:${string}`[], keys = '*'): Promise<void> {
    const Statement = [
      {
        Effect: 'Deny',
        Principal: { AWS: [`arn:aws:iam:::user/${OWNER}`] },
        Action: actions,
        Resource: [`arn:aws:s3:::${this.name}`, `arn:aws:s3:::${this.name}/${keys}`],
      },
    ];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await this.client().send(new s3.PutBucketPolicyCommand({ Bucket: this.name, Policy }));
  }

  async allowAll(): Promise<void> {
    await this.client().send(new s3.DeleteBucketPolicyCommand({ Bucket: this.name }));
  }

  /** It is full after so many objects; undefined: never. */
  async fullAfter(objects: number | undefined): Promise<void> {
    const quota = (verb: string, ...more: string[]): Promise<string> =>
      this.server.admin('quota', verb, '--quota-scope=bucket', '--bucket', this.name, ...more);
    if (objects === undefined) return void (await quota('disable'));
    await quota('set', '--max-objects', String(objects));
    await quota('enable');
  }

  /** Keeps each version of an object. */
  async keepVersions(): Promise<void> {
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await this.client().send(new s3.PutBucketVersioningCommand({ Bucket: this.name, VersioningConfiguration }));
  }

  private async one(key: string): Promise<Stored[]> {
    const got = await this.read(key);
    if (!got) return [];
    const sha256 = createHash('sha256').update(got.body).digest('hex');
    return [{ key, size: got.body.length, etag: got.etag, metadata: got.metadata, sha256 }];
  }

  // Not `#read`: TypeScript 7.0 would then rename each property `Bucket` in this class.
  private async read(key: string): Promise<(Pick<Stored, 'etag' | 'metadata'> & { body: Buffer }) | undefined> {
    try {
      const answer = await this.client().send(new s3.GetObjectCommand({ Bucket: this.name, Key: key }));
      const body = Buffer.from(await answer.Body!.transformToByteArray());
      return { body, etag: answer.ETag!.replaceAll('"', ''), metadata: answer.Metadata ?? {} };
    } catch (error) {
      if (error instanceof s3.NoSuchKey) return undefined;
      throw error;
    }
  }
}

const environmentOf = ({ accessKey, secretKey }: Keys): NodeJS.ProcessEnv => ({
  AWS_ACCESS_KEY_ID: accessKey,
  AWS_SECRET_ACCESS_KEY: secretKey,
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
});

async function addUser(server: Ceph, name: string): Promise<void> {
  const { accessKey, secretKey } = keysOf(name);
  const keys = ['--access-key', accessKey, '--secret-key', secretKey];
  await server.admin('user', 'create', '--uid', name, '--display-name', name, ...keys);
}
