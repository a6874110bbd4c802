/** The address of a bucket: `s3://BUCKET/PREFIX`. */

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?)\/?)?$/s;
/** Names that a store or a proxy could change, and the escape sign of keys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it finds
const UNSAFE = /[\x00-\x1f\x7f-\x9f%\ufffe\uffff]|^\.{1,2}$/;

export interface BucketAddress {
  bucket: string;
  /** The names of the prefix. */
  folders: string[];
}

/** Undefined where the text is no such address. */
export function bucketAddress(text: string): BucketAddress | undefined {
  const [, bucket, rest = ''] = ADDRESS.exec(text) ?? [];
  if (bucket === undefined) return undefined;
  const folders = rest === '' ? [] : rest.split('/');
  return folders.some((name) => name === '' || UNSAFE.test(name)) ? undefined : { bucket, folders };
}
