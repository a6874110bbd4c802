/**
 * The requests to a bucket of an S3-compatible store, each with a typed answer.
 * Guarantees: nothing is overwritten: an object is written only where none has the key. Each request carries the SHA-256 of its body,
 * so bytes that changed are refused by the store. A store that does not answer is given up.
 * Does not: repeat a request. Only the caller knows whether that is safe, and opens the file again.
 */
import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3';
import { BucketError, bucketError } from './errors.js';

const CONNECT_MS = 5_000;
/** Without a byte, in either direction. */
const SILENT_MS = 30_000;
const NONE = '*';

export interface BucketOptions {
  bucket: string;
  endpoint?: string | undefined;
  region?: string | undefined;
  isPathStyle: boolean;
}

export interface Written {
  etag: string;
  /** Only in a bucket with versions. */
  version: string | undefined;
}

export interface Found extends Written {
  size: number;
  metadata: Readonly<Record<string, string>>;
}

export interface Listed {
  key: string;
  etag: string;
}

export interface Upload {
  key: string;
  id: string;
  startedMs: number;
}

export interface Part {
  n: number;
  etag: string;
}

/** The bytes of a request, with their SHA-256. */
export interface Body {
  bytes: Buffer;
  sha256: Buffer;
}

interface Loaded {
  sdk: typeof import('@aws-sdk/client-s3');
  client: S3Client;
}

export class BucketClient {
  /** For messages. */
  readonly where: string;
  #loaded: Promise<Loaded> | undefined;
  /** The time of the store, of its last answer. */
  #dateMs = Number.NaN;

  constructor(readonly options: BucketOptions) {
    this.where = `${options.bucket}${options.endpoint === undefined ? '' : ` at ${options.endpoint}`}`;
  }

  /** Undefined where an object has the key. */
  async put(key: string, body: Body, metadata: Record<string, string> = {}): Promise<Written | undefined> {
    const input = { ...this.#of(key), ...bodyOf(body), IfNoneMatch: NONE, Metadata: metadata };
    const put = await this.#unless('taken', ({ sdk, client }) => client.send(new sdk.PutObjectCommand(input)));
    const written = put && writtenOf(put);
    if (written?.etag === '') throw this.#notStore();
    return written;
  }

  head(key: string): Promise<Found | undefined> {
    return this.#unless('missing', async ({ sdk, client }) => {
      const found = await client.send(new sdk.HeadObjectCommand(this.#of(key)));
      const { ContentLength = 0, Metadata = {} } = found;
      return { ...writtenOf(found), size: ContentLength, metadata: Metadata };
    });
  }

  get(key: string): Promise<{ bytes: Buffer; metadata: Readonly<Record<string, string>> } | undefined> {
    return this.#unless('missing', async ({ sdk, client }) => {
      const { Body, Metadata = {} } = await client.send(new sdk.GetObjectCommand(this.#of(key)));
      return { bytes: Buffer.from(await Body!.transformToByteArray()), metadata: Metadata };
    });
  }

  /** Up to a thousand objects, in the order of their keys. */
  async list(folder: string, after: string): Promise<{ objects: Listed[]; isLast: boolean }> {
    const input = { Bucket: this.options.bucket, Prefix: folder, EncodingType: 'url' as const };
    const begin = after === '' ? {} : { StartAfter: after };
    const page = await this.#ask(({ sdk, client }) =>
      client.send(new sdk.ListObjectsV2Command({ ...input, ...begin })),
    );
    const objects = (page.Contents ?? []).map(({ Key = '', ETag = '' }) => ({
      key: decodeURIComponent(Key.replaceAll('+', ' ')),
      etag: bare(ETag),
    }));
    if (page.Name !== this.options.bucket) throw this.#notStore();
    return { objects, isLast: page.IsTruncated !== true };
  }

  /** Where it is known which object is meant, only that one is deleted. One that is gone is done. */
  async remove(key: string, { etag, version }: Written): Promise<void> {
    const which = version !== undefined ? { VersionId: version } : etag !== '' ? { IfMatch: etag } : {};
    const input = { ...this.#of(key), ...which };
    await this.#unless('missing', ({ sdk, client }) => client.send(new sdk.DeleteObjectCommand(input)));
  }

  async begin(key: string, metadata: Record<string, string>): Promise<string> {
    const input = { ...this.#of(key), Metadata: metadata };
    const { UploadId } = await this.#ask(({ sdk, client }) => client.send(new sdk.CreateMultipartUploadCommand(input)));
    if (!UploadId) throw this.#notStore();
    return UploadId;
  }

  /** Returns its ETag. */
  async putPart(key: string, upload: string, n: number, body: Body): Promise<string> {
    const input = { ...this.#of(key), ...bodyOf(body), UploadId: upload, PartNumber: n };
    return bare((await this.#ask(({ sdk, client }) => client.send(new sdk.UploadPartCommand(input)))).ETag);
  }

  /** All parts that the store has. */
  async parts(key: string, upload: string): Promise<Part[]> {
    const parts: Part[] = [];
    for (let after = '0'; ; ) {
      const input = { ...this.#of(key), UploadId: upload, PartNumberMarker: after };
      const page = await this.#ask(({ sdk, client }) => client.send(new sdk.ListPartsCommand(input)));
      for (const { PartNumber = 0, ETag } of page.Parts ?? []) parts.push({ n: PartNumber, etag: bare(ETag) });
      if (page.IsTruncated !== true) return parts;
      after = page.NextPartNumberMarker!;
    }
  }

  /** False where an object has the key, of a store that knows that condition here. Not every answer has an ETag. */
  async complete(key: string, upload: string, parts: readonly Part[]): Promise<boolean> {
    const Parts = parts.map(({ n, etag }) => ({ PartNumber: n, ETag: etag }));
    const input = { ...this.#of(key), UploadId: upload, MultipartUpload: { Parts }, IfNoneMatch: NONE };
    const answer = await this.#unless('taken', ({ sdk, client }) =>
      client.send(new sdk.CompleteMultipartUploadCommand(input)),
    );
    return answer !== undefined;
  }

  /** One that is over is done. */
  async abort(key: string, upload: string): Promise<void> {
    const input = { ...this.#of(key), UploadId: upload };
    await this.#unless('missing', ({ sdk, client }) => client.send(new sdk.AbortMultipartUploadCommand(input)));
  }

  /** The uploads below a folder that were begun and not ended, and the time of the store. */
  async uploads(folder: string): Promise<{ uploads: Upload[]; nowMs: number }> {
    const uploads: Upload[] = [];
    for (let key: string | undefined, id: string | undefined; ; ) {
      const input = { Bucket: this.options.bucket, Prefix: folder, KeyMarker: key, UploadIdMarker: id };
      const page = await this.#ask(({ sdk, client }) => client.send(new sdk.ListMultipartUploadsCommand(input)));
      for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? [])
        uploads.push({ key: Key, id: UploadId, startedMs: Initiated?.getTime() ?? Number.POSITIVE_INFINITY });
      if (page.IsTruncated !== true) return { uploads, nowMs: this.#dateMs };
      [key, id] = [page.NextKeyMarker, page.NextUploadIdMarker];
    }
  }

  async close(): Promise<void> {
    const loaded = await this.#loaded?.catch(() => undefined);
    this.#loaded = undefined;
    loaded?.client.destroy();
  }

  #of = (key: string): { Bucket: string; Key: string } => ({ Bucket: this.options.bucket, Key: key });

  /** An answer of success that says nothing, as of a portal that stands between. */
  #notStore = (): BucketError =>
    new BucketError(
      'doubt',
      'no_answer',
      `the bucket ${this.where}: what answers there is no store: correct --publish-endpoint`,
    );

  async #ask<Answer>(send: (loaded: Loaded) => Promise<Answer>): Promise<Answer> {
    try {
      this.#loaded ??= this.#load();
      return await send(await this.#loaded);
    } catch (error) {
      throw bucketError(error, this.where);
    }
  }

  /** Undefined for that answer. */
  #unless<Answer>(kind: 'taken' | 'missing', send: (loaded: Loaded) => Promise<Answer>): Promise<Answer | undefined> {
    return this.#ask(send).catch((error: BucketError) => {
      if (error.kind === kind) return undefined;
      throw error;
    });
  }

  /** Loaded here alone: who publishes nothing does not have the SDK in memory, and need not have it installed. */
  async #load(): Promise<Loaded> {
    const sdk = await import('@aws-sdk/client-s3');
    const { endpoint, region, isPathStyle } = this.options;
    const client = new sdk.S3Client({
      ...(endpoint !== undefined && { endpoint }),
      // A store of one's own has no regions; the SDK wants a name.
      ...((region ?? endpoint) !== undefined && { region: region ?? 'us-east-1' }),
      forcePathStyle: isPathStyle,
      // A stream cannot be sent twice, and a second request must be a decision.
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // It would print on its own.
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENT_MS },
    });
    client.middlewareStack.add(
      (next) => (args) => {
        const { ChecksumSHA256 } = args.input as Partial<PutObjectCommandInput>;
        const { headers } = args.request as { headers: Record<string, string> };
        if (ChecksumSHA256 !== undefined)
          headers['x-amz-content-sha256'] = Buffer.from(ChecksumSHA256, 'base64').toString('hex');
        return next(args);
      },
      { step: 'build', name: 'payloadHash' },
    );
    client.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        this.#dateMs = Date.parse((answer.response as { headers: Record<string, string> }).headers.date ?? '');
        return answer;
      },
      { step: 'deserialize', name: 'date' },
    );
    return { sdk, client };
  }
}

const bodyOf = ({ bytes, sha256 }: Body) => ({
  Body: bytes,
  ContentLength: bytes.length,
  ChecksumSHA256: sha256.toString('base64'),
});

const writtenOf = ({ ETag, VersionId }: { ETag?: string; VersionId?: string }): Written => ({
  etag: bare(ETag),
  version: VersionId,
});

/** Some answers have it in quotes, and others of the same store do not. */
const bare = (etag = ''): string => etag.replaceAll('"', '');
