/** Whether a feed can publish: the bucket answers, may be written, and knows the conditions. Leaves nothing there. */
import type { FeedOptions } from '../../base/config/options.js';
import { BucketError } from '../../bucket/errors.js';
import { bucketOf } from '../../bucket/of-feed.js';
import { sha256Of } from '../../ingest/publishing/object.js';
import { type Finding, fail, ok, said, warn } from './words.js';

export async function checkBucket(about: string, feed: FeedOptions): Promise<Finding[]> {
  const { bucket, prefix } = bucketOf(feed);
  const key = `${prefix.folder}_ingest.probe.${Date.now()}`;
  const bytes = Buffer.from('probe\n');
  const body = { bytes, sha256: sha256Of(bytes) };
  try {
    const probe = await bucket.put(key, body);
    const found = [ok(about, `${bucket.where} answers, and may be written`)];
    found.push(
      (await bucket.put(key, body)) === undefined
        ? ok(about, 'it overwrites nothing (If-None-Match)')
        : fail(about, 'it overwrites an object although If-None-Match forbids that', 'use another store'),
    );
    await bucket.uploads(prefix.folder);
    const upload = await bucket.begin(key, {});
    await bucket.putPart(key, upload, 1, body);
    const parts = await bucket.parts(key, upload);
    const isRefused = !(await bucket.complete(key, upload, parts));
    found.push(
      isRefused
        ? ok(about, 'nor with a large file')
        : warn(
            about,
            'it does not know that condition for a large file (more than 64 MiB), so only the name keeps one from another',
            'let nobody else write below the prefix; a newer version of the store may know it',
          ),
    );
    if (isRefused) await bucket.abort(key, upload);
    await bucket.remove(key, isRefused ? probe! : { etag: '', version: undefined });
    return found;
  } catch (error) {
    if (!(error instanceof BucketError)) throw error;
    return [said(about, error.message)];
  } finally {
    await bucket.close();
  }
}
