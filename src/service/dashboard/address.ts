/** The names by which the dashboard may be asked for. */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { isLoopback } from '../../base/config/dashboard.js';

/**
 * Whether a request that came to us was meant for us. A page of somebody else may make its own name point to this machine
 * (DNS rebinding), and its scripts would then read what we answer; a name that is not ours gives it away. An address is no
 * name, so nobody can point it elsewhere.
 */
export function isOurName(header: string | undefined, host: string, more: readonly string[]): boolean {
  const name = nameOf(header);
  if (name === undefined) return false;
  if (isLoopback(name) || more.includes(name)) return true;
  if (isLoopback(host)) return name === host;
  return isIP(name) !== 0 || name === host || name === hostname().toLowerCase();
}

/** The name in a Host header, without its port, in lower case. */
function nameOf(header: string | undefined): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s/:[\]@]+))(?::\d{1,5})?$/.exec(header ?? '') ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}
