/** The bucket of a feed, by its options. */
import type { FeedOptions } from '../base/config/options.js';
import { BucketClient } from './client.js';
import { type Prefix, prefixOf } from './keys.js';

export function bucketOf(feed: FeedOptions): { bucket: BucketClient; prefix: Prefix } {
  const prefix = prefixOf(feed.publish!, feed.name);
  const { publishEndpoint: endpoint, publishRegion: region, publishPathStyle = false } = feed;
  return {
    prefix,
    bucket: new BucketClient({ bucket: prefix.bucket, endpoint, region, isPathStyle: publishPathStyle }),
  };
}
