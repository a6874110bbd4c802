/**
 * The bucket of one feed, for one process. Before anything is published it looks: does the store know conditions, is the prefix this
 * warehouse's, and has the bucket lines that this state does not know?
 * Guarantees: what is in the bucket counts. A state that was rebuilt, or is an older copy, reads the lines there before it publishes,
 * and its own lines that are not there are dropped: their contents are due again.
 */
import type { Backend } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { BucketClient } from '../../bucket/client.js';
import { asPlace, BucketError } from '../../bucket/errors.js';
import { idOfPart, markerKey, type Prefix, partsFolder, prefixOf } from '../../bucket/keys.js';
import { PlaceError } from '../../files/place-error.js';
import { bucketRow, enterBucket } from '../ledger/publications.js';
import { dropUnput, enterLine, enterPart, isKnownPart } from './learn.js';
import { sha256Of } from './object.js';
import { hourOf, idAt, KINDS, oldestUnput } from './parts.js';

export class FeedBucket {
  readonly bucket: BucketClient;
  readonly prefix: Prefix;
  readonly feed: string;
  #entering: Promise<void> | undefined;
  #hasEntered = false;

  /** `warehouse`: the id of its marker. The prefix belongs to that warehouse, also after a rebuild of the state. */
  constructor(
    readonly backend: Backend,
    readonly options: FeedOptions,
    readonly warehouse: string,
    readonly emit: Emit,
  ) {
    const { name, publish, publishEndpoint, publishRegion, publishPathStyle } = options;
    this.feed = name;
    this.prefix = prefixOf(publish!, name);
    this.bucket = new BucketClient({
      bucket: this.prefix.bucket,
      endpoint: publishEndpoint,
      region: publishRegion,
      isPathStyle: publishPathStyle ?? false,
    });
  }

  /** As lines name it: `s3://BUCKET`. A key follows after a slash. */
  get root(): string {
    return `s3://${this.prefix.bucket}`;
  }

  /** Errors: PlaceError `bucket`. */
  async enter(): Promise<void> {
    if (this.#hasEntered) return;
    this.#entering ??= this.inPlace(() => this.#look()).finally(() => {
      this.#entering = undefined;
    });
    await this.#entering;
  }

  /** Runs requests that belong to no file. Errors: PlaceError `bucket`. */
  async inPlace<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw error instanceof BucketError ? this.asPlaceError(error) : error;
    }
  }

  asPlaceError(error: BucketError): PlaceError {
    const { code, message } = asPlace(error);
    return new PlaceError('bucket', this.bucket.where, code, message);
  }

  /** After a key was refused: false where the whole prefix is. */
  async mayWrite(): Promise<boolean> {
    try {
      return (await this.#putMarker()) === 'taken';
    } catch (error) {
      if (error instanceof BucketError && error.kind === 'denied') return false;
      throw error;
    }
  }

  close = (): Promise<void> => this.bucket.close();

  async #look(): Promise<void> {
    await this.#checkMarker();
    const address = `${this.options.publishEndpoint ?? 'aws'} ${this.options.publish}`;
    await this.backend.transact((tx) => enterBucket(tx, this.feed, address));
    await this.#learn();
    this.#hasEntered = true;
  }

  get #marker(): Buffer {
    return Buffer.from(`${JSON.stringify({ feed: this.feed, warehouse: this.warehouse })}\n`);
  }

  async #putMarker(): Promise<'written' | 'taken'> {
    const bytes = this.#marker;
    try {
      await this.bucket.put(markerKey(this.prefix), { bytes, sha256: sha256Of(bytes) });
      return 'written';
    } catch (error) {
      if (error instanceof BucketError && error.kind === 'taken') return 'taken';
      throw error;
    }
  }

  async #checkMarker(): Promise<void> {
    // Written: it was not there, or the store does not know the condition.
    if ((await this.#putMarker()) === 'written' && (await this.#putMarker()) === 'written')
      throw this.#refused(
        'no_condition',
        'it overwrites an object although If-None-Match forbids that, so files could be lost: use another store',
      );
    const there = await this.bucket.get(markerKey(this.prefix));
    if (there === undefined) throw new BucketError('doubt', 'marker_gone', `${this.bucket.where}: its marker is gone`);
    if (!there.equals(this.#marker))
      throw this.#refused(
        'prefix_taken',
        `${this.root}/${this.prefix.folder} belongs to another feed or warehouse: name another prefix in --publish`,
      );
  }

  #refused = (code: string, sentence: string): BucketError =>
    new BucketError('place', code, `the bucket ${this.bucket.where}: ${sentence} (${code})`);

  /** Reads the parts that this state does not know. */
  async #learn(): Promise<void> {
    const { backend, feed } = this;
    const isNew = backend.read((reader) => bucketRow(reader, feed))!.partMs === 0;
    let newest = '';
    let lines = 0;
    for (const kind of KINDS) {
      const folder = partsFolder(this.prefix, kind);
      const first = backend.read((reader) => oldestUnput(reader, feed, kind));
      const from = first ?? idAt(backend.read((reader) => bucketRow(reader, feed))!.partMs + 1);
      for (let after = `${folder}${hourOf(from)}/${from}`, isLast = false; !isLast; ) {
        const page = await this.bucket.list(folder, after);
        isLast = page.isLast;
        for (const { key } of page.objects) {
          after = key;
          const id = idOfPart(key);
          if (id === undefined || (await backend.transact((tx) => isKnownPart(tx, feed, id)))) continue;
          // What of this state was not put is of a time before: the bucket has it otherwise.
          if (newest === '') await backend.transact((tx) => dropUnput(tx, feed));
          const text = (await this.bucket.get(key))?.toString('utf8') ?? '';
          lines += await backend.transact((tx) => enterLines(tx, feed, { kind, id, text }));
          if (id > newest) newest = id;
        }
      }
    }
    if (newest === '') return;
    await backend.transact((tx) => enterPart(tx, feed, newest));
    if (!isNew || lines > 0) this.emit('bucket_read', { feed, bucket: this.bucket.where, lines });
  }
}

const enterLines = (
  tx: Parameters<typeof enterLine>[0],
  feed: string,
  { kind, id, text }: { kind: (typeof KINDS)[number]; id: string; text: string },
): number => text.split('\n').reduce((lines, line) => lines + (enterLine(tx, feed, { kind, id, line }) ? 1 : 0), 0);
