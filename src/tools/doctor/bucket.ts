/** Whether a feed can publish: the bucket answers, may be written, and knows the conditions. Leaves nothing there, or names it. */
import type { FeedOptions } from '../../base/config/options.js';
import { BucketClient, bodyOf, type Written } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import { type Finding, fail, ok, said, warn } from './words.js';

const OVERWRITES = 'it overwrites an object although If-None-Match forbids that';
const NOT_FOR_LARGE =
  'it does not know that condition for a large file (more than 64 MiB), so only the name keeps one from another';
const ALONE = 'let nobody else write below the prefix; a newer version of the store may know it';

export async function checkBucket(about: string, feed: FeedOptions): Promise<Finding[]> {
  const bucket = new BucketClient(feed);
  const key = `${bucket.prefix.folder}_ingest.probe.${Date.now()}`;
  const body = bodyOf(Buffer.from('probe\n'));
  let probe: Written | undefined;
  let upload: string | undefined;
  try {
    probe = await bucket.put(key, body);
    const isKept = (await bucket.put(key, body)) === undefined;
    await bucket.uploads();
    upload = await bucket.begin(key, {});
    await bucket.putPart(key, upload, 1, body);
    const parts = await bucket.parts(key, upload);
    const isRefused = !(await bucket.complete(key, upload, parts));
    if (isRefused) await bucket.abort(key, upload);
    await bucket.remove(key, isRefused ? probe! : { etag: '', version: undefined });
    return [
      ok(about, `${bucket.where} answers, and may be written`),
      isKept ? ok(about, 'it overwrites nothing (If-None-Match)') : fail(about, OVERWRITES, 'use another store'),
      isRefused ? ok(about, 'nor with a large file') : warn(about, NOT_FOR_LARGE, ALONE),
    ];
  } catch (error) {
    if (!(error instanceof BucketError)) throw error;
    const failed = said(about, error.message);
    return probe === undefined ? [failed] : [failed, ...(await taken(bucket, about, key, probe, upload))];
  } finally {
    await bucket.close();
  }
}

/** Takes away what a failed probe has left there, or names it: a first start refuses a prefix with objects. */
async function taken(
  bucket: BucketClient,
  about: string,
  key: string,
  probe: Written,
  upload: string | undefined,
): Promise<Finding[]> {
  try {
    if (upload !== undefined) await bucket.abort(key, upload);
    await bucket.remove(key, probe);
    return [];
  } catch (error) {
    if (!(error instanceof BucketError)) throw error;
    return [warn(about, `the probe ${key} may be left there`, 'remove it, or the first start says prefix_taken')];
  }
}
