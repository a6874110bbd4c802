/** The errors of the shared ledger's PostgreSQL, as sentences. */

/**
 * `again`: the server undid the statement, so it is sent again. `cut`: there was no answer, and the statement may be committed or
 * not. `refused`: nothing serves this host until somebody acts.
 */
export type SharedErrorKind = 'again' | 'cut' | 'refused';

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

/** Serialization failure, deadlock, cancelled statement. */
const AGAIN = new Set(['40001', '40P01', '57014']);

const SENTENCES: Record<string, string> = {
  '28P01': 'the password was refused: set PGPASSWORD, or correct the line of .pgpass',
  '28000': 'the server refuses this user: see pg_hba.conf, and the user in --shared-ledger',
  '3D000': 'the database of that name does not exist: create it, or correct --shared-ledger',
  '42501':
    'the user may not do that: grant SELECT, INSERT, UPDATE and DELETE on its tables, and for `host join` let it own them',
  '42P01': 'it has no tables: run ingest-ctl host join',
  '42703':
    'its tables have another version than this ingestor: run ingest-ctl host join with the newest version, and install that on each host',
  '25006': 'the server is a standby and read only: name the primary, or a proxy that leads to it',
  '53300':
    'the server has no connection left for this user: raise max_connections or its CONNECTION LIMIT, or end some',
  '53100': 'the disk of the server is full: free some',
  MODULE_NOT_FOUND: '--shared-ledger needs the package pg, which is not installed here: npm install pg',
  ERR_MODULE_NOT_FOUND: '--shared-ledger needs the package pg, which is not installed here: npm install pg',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate of the server is for another name: name that one in --shared-ledger, or use sslmode=verify-ca',
  no_password:
    'the server asks for a password, and there is none: set PGPASSWORD, or write HOST:PORT:DATABASE:USER:PASSWORD into ~/.pgpass (or PGPASSFILE), which nobody else may read',
  no_tls: 'the server has no TLS, and sslmode asks for it: switch ssl on there, or write sslmode=disable',
  timeout: 'it does not answer: check the server and the network',
};

/** The codes for messages of `pg` itself, which have none. */
const SAYINGS: readonly [RegExp, code: string][] = [
  [/password must be a (non-empty )?string/, 'no_password'],
  [/does not support SSL connections/, 'no_tls'],
  [/timeout|timed out/, 'timeout'],
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
  const code = reported.code ?? SAYINGS.find(([words]) => words.test(message))?.[1] ?? 'connection';
  const what = SENTENCES[code] ?? (OF_A_CERTIFICATE.test(code) ? CERTIFICATE : message || 'no answer');
  return new SharedError(kindOf(code, severity !== undefined), code, `the shared ledger ${where}: ${what} (${code})`);
}

function kindOf(code: string, isServers: boolean): SharedErrorKind {
  if (AGAIN.has(code)) return 'again';
  // An errno of this host (refused, timed out, cut), a broken connection, or a server that shuts down or starts.
  return !isServers || code.startsWith('08') || code.startsWith('57P') ? 'cut' : 'refused';
}
