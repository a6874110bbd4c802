/**
 * The bucket of one feed, for one process. Before anything is published it looks: does the store know conditions, is the prefix this
 * warehouse's, and has the bucket lines that this state does not know?
 * Guarantees: what is in the bucket counts. Before anything is published the parts that this state does not know are read, and an empty
 * part is put after them: nothing that another process sent before can come in later.
 */
import type { Backend, Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { type Body, BucketClient, bodyOf } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import { markerKey, type Prefix, partKey } from '../../bucket/keys.js';
import { PlaceError } from '../../files/place-error.js';
import { addressOf, bucketRow, enterBucket, isRecorded } from '../ledger/publications.js';
import { putParts, putSeal, readParts } from './parts.js';

/** The code of a write that belongs to an address of before. */
export const MOVED = 'address_changed';

export class FeedBucket {
  readonly bucket: BucketClient;
  readonly prefix: Prefix;
  readonly feed: string;
  /** As lines name it: `s3://BUCKET`. A key follows after a slash. */
  readonly root: string;
  readonly #marker: Body;
  #entered: Promise<void> | undefined;
  #writable: Promise<boolean> | undefined;

  /** `warehouse`: the id of its marker. The prefix belongs to that warehouse, also after a rebuild of the state. */
  constructor(
    readonly backend: Backend,
    readonly options: FeedOptions,
    warehouse: string,
    readonly emit: Emit,
  ) {
    this.feed = options.name;
    this.bucket = new BucketClient(options);
    this.prefix = this.bucket.prefix;
    this.root = `s3://${this.prefix.bucket}`;
    this.#marker = bodyOf(Buffer.from(`${JSON.stringify({ feed: this.feed, warehouse })}\n`));
  }

  /** This state has entered it, now or before: the prefix is its own. */
  get isKnown(): boolean {
    const row = this.backend.read((reader) => bucketRow(reader, this.feed));
    // Its first part is put when it is entered for the first time.
    return row?.address === addressOf(this.options) && row.next > 0;
  }

  /** Errors: PlaceError `bucket`. */
  enter(): Promise<void> {
    this.#entered ??= this.inPlace(() => this.#look()).catch((error: unknown) => {
      this.#entered = undefined;
      throw error;
    });
    return this.#entered;
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
    return new PlaceError('bucket', this.bucket.where, error.code, error.sentence);
  }

  /** As a file would come: a bucket may be read that may not be written, or is full. Errors: PlaceError `bucket`. */
  async probe(): Promise<void> {
    // The bucket may be another one by now.
    this.#entered = undefined;
    await this.enter();
    await this.inPlace(() => this.#putMarker());
  }

  close = (): Promise<void> => this.bucket.close();

  /**
   * A write about this bucket. Errors: PlaceError `bucket`, where the feed was given another address since this process read its
   * options: what is recorded belongs to that one.
   */
  transact<T>(write: (tx: Tx) => T): Promise<T> {
    return this.backend.transact((tx) => {
      if (!this.isCurrent(tx)) throw this.#moved();
      return write(tx);
    });
  }

  /** False where the feed has another address, or another process has entered one since. Then this one is entered again. */
  isCurrent(reader: Reader): boolean {
    const isHere = bucketRow(reader, this.feed)?.address === addressOf(this.options);
    if (!isHere) this.#entered = undefined;
    return isHere && isRecorded(this.backend, this.options);
  }

  #moved = (): PlaceError => this.asPlaceError(this.#refused(MOVED, 'its feed publishes elsewhere now'));

  async #look(): Promise<void> {
    const { feed, emit } = this;
    await this.#checkMarker();
    await this.backend.transact((tx) => {
      if (!isRecorded(this.backend, this.options)) throw this.#moved();
      enterBucket(tx, this.options);
    });
    const lines = await readParts(this);
    if (lines > 0) emit('bucket_read', { feed, bucket: this.bucket.where, lines });
    await putParts(this, true);
    await putSeal(this);
  }

  /** After a request about a key failed: false where any would, as far as one shows. */
  #mayWrite = (): Promise<boolean> => {
    // Many files may fail at once, and one request answers for all of them.
    this.#writable ??= this.#putMarker()
      .then((isPut) => !isPut)
      .catch(() => false)
      .finally(() => (this.#writable = undefined));
    return this.#writable;
  };

  /** True for an error of a request about a key, where requests about others are answered. */
  async isOfKey(error: unknown): Promise<boolean> {
    const isRefusal = error instanceof BucketError && (error.kind === 'denied' || error.kind === 'doubt');
    return isRefusal && (await this.#mayWrite());
  }

  /** False where one is there. */
  #putMarker = async (): Promise<boolean> =>
    (await this.bucket.put(markerKey(this.prefix), this.#marker)) !== undefined;

  async #checkMarker(): Promise<void> {
    const isOurs = this.isKnown;
    // First: its answer has a body, and says what is wrong with the whole bucket.
    const isEmpty = (await this.bucket.list().next()).done;
    if (isOurs) await this.checkBefore(this.backend.read((reader) => bucketRow(reader, this.feed))!.next);
    if (!isOurs && !isEmpty && !(await this.bucket.head(markerKey(this.prefix))))
      throw this.#refused(
        'prefix_taken',
        `objects lie below ${this.prefix.folder}, and no marker says whose they are: name another prefix in --publish, or write ${this.#marker.bytes.toString().trim()} and a newline to ${markerKey(this.prefix)} if they are of this warehouse`,
      );
    // Written: it was not there, or the store does not know the condition.
    if ((await this.#putMarker()) && (await this.#putMarker()))
      throw this.#refused(
        'no_condition',
        'it overwrites an object although If-None-Match forbids that, so files could be lost: use another store, or a bucket without versions',
      );
    const there = await this.bucket.get(markerKey(this.prefix));
    if (!there) throw this.bucket.error('doubt', 'marker_gone', 'its marker is gone: wait, it is put again');
    if (!there.bytes.equals(this.#marker.bytes))
      throw this.#refused(
        'prefix_taken',
        `${this.root}/${this.prefix.folder} belongs to another feed or warehouse: name another prefix in --publish`,
      );
  }

  /** Refuses a bucket without the part before this one: it went back, and readers stop at the hole. Errors: BucketError. */
  async checkBefore(part: number): Promise<void> {
    const newest = partKey(this.prefix, part - 1);
    if (part > 0 && !(await this.bucket.head(newest)))
      throw this.#refused(
        'bucket_older',
        `its newest manifest ${newest} is gone, so it was emptied, or is of an earlier day: restore it, or name another prefix in --publish, where the files that are still in the warehouse are published`,
      );
  }

  #refused = (code: string, sentence: string): BucketError => this.bucket.error('place', code, sentence);
}
