/** The address of the ledger that hosts share. Its parameters mean what libpq has them mean. */

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];
const PARAMETERS = ['sslmode', 'sslrootcert'];

/**
 * A password in it would be seen wherever the address is. `pg` knows no list of hosts, and a parameter that it does not know it passes by
 * in silence: an address with a mode that is misspelt would be one without TLS.
 */
export function isSharedLedger(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, hostname, pathname, searchParams } = new URL(text);
  if (username === '' || password !== '' || hostname.includes(',') || pathname.length < 2) return false;
  const mode = searchParams.get('sslmode');
  const isKnown = [...searchParams.keys()].every((name) => PARAMETERS.includes(name));
  // libpq takes nobody's word for a CA that is not named.
  const hasItsCa = mode !== 'verify-ca' || searchParams.has('sslrootcert');
  return isKnown && hasItsCa && (mode === null || SSL_MODES.includes(mode));
}
