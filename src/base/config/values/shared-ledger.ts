/** The address of the ledger that hosts share. */

/** A password in it would be seen wherever the address is. */
export function isSharedLedger(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, pathname } = new URL(text);
  return username !== '' && password === '' && pathname.length > 1;
}
