/**
 * Classifies the errors of the shared ledger.
 * After a cut connection the statement in progress may or may not have been committed.
 */

/**
 * `unknown`: the outcome is not known, ask again. `row`: one of the named contents is refused, the others are not. `place`: the
 * ledger as a whole does not serve this host.
 */
export type SharedErrorKind = 'unknown' | 'row' | 'place';

export class SharedError extends Error {
  override readonly name = 'SharedError';
  constructor(
    readonly kind: SharedErrorKind,
    /** An SQLSTATE, an errno name, or a code of our own. */
    readonly code: string,
    sentence: string,
  ) {
    super(sentence);
  }
}

/** SQLSTATEs to try again: serialization failure, deadlock, lock timeout, cancelled statement. */
const AGAIN = new Set(['40001', '40P01', '55P03', '57014']);
/** SQLSTATE classes of a bad row: invalid data, and violated constraints. */
const OF_A_ROW = new Set(['22', '23']);

const SENTENCES: Record<string, string> = {
  '28P01': 'the password was refused: set PGPASSWORD, or correct the line of .pgpass',
  '28000': 'the server refuses this user: see pg_hba.conf, and the user in --shared-ledger',
  '3D000': 'the database of that name does not exist: create it, or correct --shared-ledger',
  '42501':
    'the user may not do that: grant SELECT, INSERT, UPDATE and DELETE on its tables, and CREATE on the schema for the first host that joins',
  '42P01': 'it has no tables: run ingest-ctl host join',
  '25006': 'the server is a standby and read only: name the primary, or a proxy that leads to it',
  '53300':
    'the server has no connection left for this user: raise max_connections or its CONNECTION LIMIT, or end some',
  '53100': 'the disk of the server is full',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate of the server is for another name: name that one in --shared-ledger, or use sslmode=verify-ca',
};

/** Messages of `pg` itself, which have no code. */
const SAYINGS: readonly [RegExp, code: string, sentence: string][] = [
  [
    /password must be a (non-empty )?string/,
    'no_password',
    'the server asks for a password, and there is none: set PGPASSWORD, or write HOST:PORT:DATABASE:USER:PASSWORD into ~/.pgpass (or PGPASSFILE), which nobody else may read',
  ],
  [
    /does not support SSL connections/,
    'no_tls',
    'the server has no TLS, and sslmode asks for it: switch ssl on there, or write sslmode=disable',
  ],
  [/timeout expired|Query read timeout/, 'timeout', 'it does not answer'],
];
/** OpenSSL's codes for a certificate whose chain is not trusted. */
const OF_A_CERTIFICATE = /SELF_SIGNED|UNABLE_TO_|CERT_/;
const CERTIFICATE =
  'the certificate of the server is not of a CA that is known here: name the file of that CA by sslrootcert';

interface Reported {
  code?: string;
  message: string;
  severity?: string;
}

/** `where`: the ledger's address without a secret. */
export function sharedError(error: unknown, where: string): SharedError {
  if (error instanceof SharedError) return error;
  const { message, severity, ...reported } = error as Reported;
  const [, saying, sentence] = SAYINGS.find(([words]) => reported.code === undefined && words.test(message)) ?? [];
  const code = reported.code ?? saying ?? 'connection';
  const what = SENTENCES[code] ?? sentence ?? (OF_A_CERTIFICATE.test(code) ? CERTIFICATE : message);
  return new SharedError(kindOf(code, severity !== undefined), code, `the shared ledger ${where}: ${what} (${code})`);
}

function kindOf(code: string, isServers: boolean): SharedErrorKind {
  // An errno of this host: connection refused, timed out, or cut.
  if (!isServers) return 'unknown';
  if (AGAIN.has(code) || code.startsWith('08') || code.startsWith('57P')) return 'unknown';
  return OF_A_ROW.has(code.slice(0, 2)) ? 'row' : 'place';
}
