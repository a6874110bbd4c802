/**
 * The requests to a bucket of an S3-compatible store, each with a typed answer.
 * Guarantees: nothing is overwritten: an object is written only where none has the key. Each request carries the SHA-256 of its body,
 * so bytes that changed are refused by the store. A store that does not answer is given up.
 * Does not: repeat a request. Only the caller knows whether that is safe, and opens the file again.
 */
import { createHash } from 'node:crypto';
import type { PutObjectCommandInput, S3 } from '@aws-sdk/client-s3';
import type { FeedOptions } from '../base/config/options.js';
import { BucketError, type BucketErrorKind, bucketError } from './errors.js';
import { type Prefix, prefixOf } from './keys.js';

const CONNECT_MS = 5_000;
/** Without a byte, in either direction. */
const SILENT_MS = 30_000;
const NONE = '*';

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

/** The bytes of a request, with their SHA-256. */
export interface Body {
  bytes: Buffer;
  sha256: Buffer;
}

export class BucketClient {
  readonly prefix: Prefix;
  /** For messages. */
  readonly where: string;
  #s3: Promise<S3> | undefined;
  /** The time of the store, of its last answer. */
  #dateMs = Number.NaN;

  /** The bucket of a feed with `--publish`. */
  constructor(private readonly feed: FeedOptions) {
    const { name, publish, publishEndpoint: endpoint } = feed;
    this.prefix = prefixOf(publish!, name);
    this.where = `${this.prefix.bucket}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
  }

  /** Undefined where an object has the key. */
  async put(key: string, body: Body, metadata: Record<string, string> = {}): Promise<Written | undefined> {
    const input = { ...this.#of(key), ...sentOf(body), IfNoneMatch: NONE, Metadata: metadata };
    const put = await this.#unless('taken', (s3) => s3.putObject(input));
    const written = put && writtenOf(put);
    if (written?.etag === '') throw this.#notStore();
    return written;
  }

  head(key: string): Promise<Found | undefined> {
    return this.#unless('missing', async (s3) => {
      const found = await s3.headObject(this.#of(key));
      return { ...writtenOf(found), size: found.ContentLength ?? 0, metadata: found.Metadata ?? {} };
    });
  }

  get(key: string): Promise<{ bytes: Buffer; metadata: Readonly<Record<string, string>> } | undefined> {
    return this.#unless('missing', async (s3) => {
      const { Body, Metadata = {} } = await s3.getObject(this.#of(key));
      return { bytes: Buffer.from(await Body!.transformToByteArray()), metadata: Metadata };
    });
  }

  /** The objects below the prefix, in the order of their keys. A request has a thousand. */
  async *list(): AsyncGenerator<Listed> {
    const input = { Bucket: this.prefix.bucket, Prefix: this.prefix.folder, EncodingType: 'url' as const };
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#ask((s3) => s3.listObjectsV2({ ...input, ContinuationToken }));
      if (page.Name !== this.prefix.bucket) throw this.#notStore();
      for (const { Key = '', ETag } of page.Contents ?? [])
        yield { key: decodeURIComponent(Key.replaceAll('+', ' ')), etag: bare(ETag) };
      // A page may be empty, and not the last one.
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
  }

  /** Where it is known which object is meant, only that one is deleted. One that is gone is done. */
  async remove(key: string, { etag, version }: Written): Promise<void> {
    const which = version !== undefined ? { VersionId: version } : etag !== '' ? { IfMatch: etag } : {};
    await this.#unless('missing', (s3) => s3.deleteObject({ ...this.#of(key), ...which }));
  }

  async begin(key: string, metadata: Record<string, string>): Promise<string> {
    const { UploadId } = await this.#ask((s3) => s3.createMultipartUpload({ ...this.#of(key), Metadata: metadata }));
    if (!UploadId) throw this.#notStore();
    return UploadId;
  }

  /** Returns its ETag. */
  async putPart(key: string, upload: string, n: number, body: Body): Promise<string> {
    const input = { ...this.#of(key), ...sentOf(body), UploadId: upload, PartNumber: n };
    return bare((await this.#ask((s3) => s3.uploadPart(input))).ETag);
  }

  /** The ETags of all parts that the store has, by number. */
  async parts(key: string, upload: string): Promise<Map<number, string>> {
    const parts = new Map<number, string>();
    for (let after = '0'; ; ) {
      const input = { ...this.#of(key), UploadId: upload, PartNumberMarker: after };
      const page = await this.#ask((s3) => s3.listParts(input));
      for (const { PartNumber = 0, ETag } of page.Parts ?? []) parts.set(PartNumber, bare(ETag));
      if (page.IsTruncated !== true) return parts;
      after = page.NextPartNumberMarker!;
    }
  }

  /** False where an object has the key, of a store that knows that condition here. Not every answer has an ETag. */
  async complete(key: string, upload: string, parts: ReadonlyMap<number, string>): Promise<boolean> {
    const inOrder = [...parts].sort(([a], [b]) => a - b);
    const Parts = inOrder.map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
    const input = { ...this.#of(key), UploadId: upload, MultipartUpload: { Parts }, IfNoneMatch: NONE };
    return (await this.#unless('taken', (s3) => s3.completeMultipartUpload(input))) !== undefined;
  }

  /** One that is over is done. */
  async abort(key: string, upload: string): Promise<void> {
    await this.#unless('missing', (s3) => s3.abortMultipartUpload({ ...this.#of(key), UploadId: upload }));
  }

  /** The uploads below the prefix that were begun and not ended, and the time of the store. */
  async uploads(): Promise<{ uploads: Upload[]; nowMs: number }> {
    const uploads: Upload[] = [];
    for (let key: string | undefined, id: string | undefined; ; ) {
      const input = { Bucket: this.prefix.bucket, Prefix: this.prefix.folder, KeyMarker: key, UploadIdMarker: id };
      const page = await this.#ask((s3) => s3.listMultipartUploads(input));
      for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? [])
        uploads.push({ key: Key, id: UploadId, startedMs: Initiated?.getTime() ?? Number.POSITIVE_INFINITY });
      if (page.IsTruncated !== true) return { uploads, nowMs: this.#dateMs };
      [key, id] = [page.NextKeyMarker, page.NextUploadIdMarker];
    }
  }

  /** `sentence`: what is wrong with it, and what is to do. */
  error(kind: BucketErrorKind, code: string, sentence: string): BucketError {
    return new BucketError(kind, code, `the bucket ${this.where}: ${sentence}`);
  }

  async close(): Promise<void> {
    const s3 = await this.#s3?.catch(() => undefined);
    this.#s3 = undefined;
    s3?.destroy();
  }

  #of = (key: string): { Bucket: string; Key: string } => ({ Bucket: this.prefix.bucket, Key: key });

  /** An answer of success that says nothing, as of a portal that stands between. */
  #notStore = (): BucketError =>
    this.error('doubt', 'no_answer', 'what answers there is no store: correct --publish-endpoint');

  async #ask<Answer>(send: (s3: S3) => Promise<Answer>): Promise<Answer> {
    try {
      this.#s3 ??= this.#load();
      return await send(await this.#s3);
    } catch (error) {
      throw bucketError(error, this.where);
    }
  }

  /** Undefined for that answer. */
  #unless<Answer>(kind: 'taken' | 'missing', send: (s3: S3) => Promise<Answer>): Promise<Answer | undefined> {
    return this.#ask(send).catch((error: BucketError) => {
      if (error.kind === kind) return undefined;
      throw error;
    });
  }

  /** Loaded here alone: who publishes nothing does not have the SDK in memory, and need not have it installed. */
  async #load(): Promise<S3> {
    const { S3 } = await import('@aws-sdk/client-s3');
    const { publishEndpoint: endpoint, publishRegion: region, publishPathStyle: isPathStyle = false } = this.feed;
    const s3 = new S3({
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
    s3.middlewareStack.add(
      (next) => (args) => {
        const { ChecksumSHA256 } = args.input as Partial<PutObjectCommandInput>;
        const { headers } = args.request as { headers: Record<string, string> };
        if (ChecksumSHA256 !== undefined)
          headers['x-amz-content-sha256'] = Buffer.from(ChecksumSHA256, 'base64').toString('hex');
        return next(args);
      },
      { step: 'build', name: 'payloadHash' },
    );
    s3.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        this.#dateMs = Date.parse((answer.response as { headers: Record<string, string> }).headers.date ?? '');
        return answer;
      },
      { step: 'deserialize', name: 'date' },
    );
    return s3;
  }
}

export const bodyOf = (bytes: Buffer): Body => ({ bytes, sha256: createHash('sha256').update(bytes).digest() });

const sentOf = ({ bytes, sha256 }: Body) => ({
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
