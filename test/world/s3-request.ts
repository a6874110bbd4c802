/** A request of an S3 client, as a proxy sees it: its kind, its key and what tests look at. */
import type { IncomingMessage } from 'node:http';

/** `bucket`: anything else about the bucket. */
export type Kind =
  | 'put'
  | 'get'
  | 'head'
  | 'delete'
  | 'create'
  | 'part'
  | 'list-parts'
  | 'complete'
  | 'abort'
  | 'list'
  | 'list-uploads'
  | 'bucket';

export interface S3Request {
  readonly kind: Kind;
  readonly bucket: string;
  /** Decoded; empty for a request about the bucket. */
  readonly key: string;
  readonly method: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The length of the body, by the header. */
  readonly bytes: number;
  /** The status that the client got; undefined while it has none, and for ever if its connection was cut. */
  status: number | undefined;
}

export function s3Request({ method = '', url = '/', headers }: IncomingMessage): S3Request {
  const [path = '/', search = ''] = url.split('?', 2);
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const query = Object.fromEntries(new URLSearchParams(search));
  const bytes = Number(headers['content-length'] ?? 0);
  const kind = key === '' ? kindOfBucket(method, query) : kindOfObject(method, query);
  return { kind, bucket, key: decodeURIComponent(key), method, query, headers, bytes, status: undefined };
}

function kindOfBucket(method: string, query: Readonly<Record<string, string>>): Kind {
  if (method !== 'GET') return 'bucket';
  if ('uploads' in query) return 'list-uploads';
  return 'list-type' in query ? 'list' : 'bucket';
}

function kindOfObject(method: string, query: Readonly<Record<string, string>>): Kind {
  const isOfUpload = 'uploadId' in query;
  switch (method) {
    case 'POST':
      return isOfUpload ? 'complete' : 'create';
    case 'PUT':
      return isOfUpload ? 'part' : 'put';
    case 'DELETE':
      return isOfUpload ? 'abort' : 'delete';
    case 'HEAD':
      return 'head';
    default:
      return isOfUpload ? 'list-parts' : 'get';
  }
}
