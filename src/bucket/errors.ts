/** The errors of an object store, as sentences, and what each one means for a request. */

/**
 * `taken`: an object has the key already. `missing`: there is no such object, or upload. `doubt`: the request may be carried out or
 * not. `slow`: the store asks for fewer requests. `denied`: this key may not be used, or none. `changed`: the bytes are not those of
 * the digest. `place`: nothing can be published until somebody acts, or the store is back.
 */
export type BucketErrorKind = 'taken' | 'missing' | 'doubt' | 'slow' | 'denied' | 'changed' | 'place';

export class BucketError extends Error {
  override readonly name = 'BucketError';
  constructor(
    readonly kind: BucketErrorKind,
    /** A name of S3, an errno name, or a code of our own. */
    readonly code: string,
    /** Ends with what is to do. A gate shows the code before it. */
    readonly sentence: string,
    /** The HTTP status of the answer; undefined if no answer came. */
    readonly status?: number,
  ) {
    super(`${sentence} (${code})`);
  }

  /** The store failed, whatever the request was. */
  get isOfStore(): boolean {
    return this.status === undefined || this.status >= 500;
  }
}

/**
 * The kinds by code and by HTTP status; a code counts first. Else there was no answer, a 409, a 5xx, an error in an answer of 200, or a
 * refusal that nobody knows: a doubt, and the store says what it has.
 */
const KINDS: readonly [BucketErrorKind, ...signs: (string | number)[]][] = [
  ['slow', 429, 'SlowDown', 'SlowDownRead', 'SlowDownWrite', 'TooManyRequests', 'RequestLimitExceeded'],
  ['denied', 403, 'AccessDenied'],
  ['changed', 'XAmzContentSHA256Mismatch', 'BadDigest'],
  ['doubt', 'RequestTimeout', 'TimeoutError', 'ETIMEDOUT', 'ECONNRESET', 'EPIPE'],
  ['missing', 404],
  ['taken', 412],
  ['place', 301, 411, 501, 507],
];
const kindBy = (sign: string | number): BucketErrorKind | undefined =>
  KINDS.find(([, ...signs]) => signs.includes(sign))?.[0];

/** Each sentence says what is wrong, and the next step. The codes that it explains stand after it. */
const SENTENCES: Readonly<Record<string, string>> = {
  'there is no such bucket: create it, or correct --publish': 'NoSuchBucket',
  'the credentials were refused: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile of ~/.aws, and restart the service':
    'InvalidAccessKeyId SignatureDoesNotMatch InvalidToken',
  'the credentials have a character that no header may have, such as a line end: correct AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and restart the service':
    'ERR_INVALID_CHAR',
  'the credentials have expired: renew them, and restart the service': 'ExpiredToken',
  'there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or make a profile in ~/.aws':
    'CredentialsProviderError',
  'this user may not write there: give it the permissions that docs/publish.md lists': 'AccessDenied',
  'the clock of this machine differs from that of the store by too much: set it, and keep it set (NTP)':
    'RequestTimeTooSkewed RequestExpired',
  'it is in another region: correct --publish-region':
    'PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException',
  'it is full, or over its quota: raise the quota or delete objects':
    'QuotaExceeded InsufficientStorage XMinioStorageFull',
  'it does not take requests as this ingestor sends them (411): use another store': 'MissingContentLength',
  'it does not know the condition If-None-Match, so an object could be overwritten: use another store':
    'NotImplemented',
  'it asks for fewer requests: wait, it is asked more and more slowly':
    'SlowDown SlowDownRead SlowDownWrite TooManyRequests RequestLimitExceeded',
  'it does not answer: see the store and the network': 'RequestTimeout TimeoutError ETIMEDOUT',
  'it ends connections without an answer: see the store, or write https:// in --publish-endpoint if it speaks TLS there':
    'ECONNRESET EPIPE',
  'its name cannot be resolved: correct --publish-endpoint, or see the DNS of this machine': 'ENOTFOUND EAI_AGAIN',
  'nothing answers at its address: start it, or correct --publish-endpoint': 'ECONNREFUSED',
  'no network leads to it: see the network of this machine': 'EHOSTUNREACH ENETUNREACH',
  'it speaks no TLS there: write http:// in --publish-endpoint, or name its port for TLS': 'EPROTO',
  'its certificate is for another name: name that one in --publish-endpoint': 'ERR_TLS_CERT_ALTNAME_INVALID',
  'its region is not known: set --publish-region': 'no_region',
  '--publish needs the package @aws-sdk/client-s3, which is not installed here: npm install @aws-sdk/client-s3':
    'MODULE_NOT_FOUND ERR_MODULE_NOT_FOUND',
};
/** OpenSSL's codes for a certificate whose chain is not trusted. */
const OF_A_CERTIFICATE = /SELF_SIGNED|UNABLE_TO_|CERT_/;
const TLS = 'its certificate is not of a CA that is known here: name the file of that CA in NODE_EXTRA_CA_CERTS';

function sentenceOf(code: string): string | undefined {
  const known = Object.entries(SENTENCES).find(([, codes]) => codes.split(' ').includes(code));
  return known?.[0] ?? (OF_A_CERTIFICATE.test(code) ? TLS : undefined);
}

/** The SDK's names for an answer without a body. */
const NAMELESS = new Set(['Error', 'Unknown', 'UnknownError']);
const SAYS_NOTHING = new Set(['', 'UnknownError']);

interface Reported {
  name: string;
  message: string;
  code?: string;
  Code?: string;
  $metadata?: { httpStatusCode?: number };
}

/** `where`: the bucket, and the store where one was named. */
export function bucketError(error: unknown, where: string): BucketError {
  if (error instanceof BucketError) return error;
  const isBug = (error instanceof TypeError || error instanceof RangeError) && !('code' in error);
  if (isBug) throw error;
  const { name, message, code: errno, Code, $metadata } = error as Reported;
  const status = $metadata?.httpStatusCode;
  const named = [errno, Code, name].find(
    (one) => one !== undefined && (kindBy(one) !== undefined || sentenceOf(one) !== undefined),
  );
  const isRegion = message === 'Region is missing';
  const code = isRegion ? 'no_region' : (named ?? errno ?? (NAMELESS.has(name) ? `http_${status ?? 'none'}` : name));
  const refusal = `it refuses a request${status === undefined ? '' : ` with status ${status}`}${SAYS_NOTHING.has(message) ? '' : ` (${message})`}: see its log`;
  return new BucketError(kindOf(code, status), code, `the bucket ${where}: ${sentenceOf(code) ?? refusal}`, status);
}

const kindOf = (code: string, status = 0): BucketErrorKind =>
  kindBy(code) ?? (sentenceOf(code) === undefined ? (kindBy(status) ?? 'doubt') : 'place');
