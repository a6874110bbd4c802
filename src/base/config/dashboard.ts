/**
 * The address of the dashboard, and the token that other machines need.
 * Guarantees: an address beyond this machine without a token is refused before anything starts.
 */
import { isIP } from 'node:net';
import { OperatorError } from '../errors.js';
import type { Invocation } from './read.js';
import { secretOf } from './values/secret.js';

export interface Address {
  host: string;
  port: number;
}

const LOOPBACK = '127.0.0.1';

/** `8000`, `localhost:8000`, `[::1]:8000`, `0.0.0.0:8000`; undefined where it is none of that form. */
export function addressOf(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^\s/:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > 65_535) return undefined;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  return { host: bracketed ?? plain ?? LOOPBACK, port };
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

export interface DashboardOptions extends Address {
  /** Further names by which this machine is asked, in lower case. */
  hosts: string[];
  /** Undefined: anybody of this machine may ask. */
  token: string | undefined;
}

export const TOKEN_VARIABLE = 'INGEST_DASHBOARD_TOKEN';
const TOKEN = { option: 'dashboard-token-file', variable: TOKEN_VARIABLE, what: 'token' };

/**
 * `fallback`: where it listens when --dashboard is not given; undefined: then there is none. Undefined for a command without a
 * dashboard: such a command shares the file, and need not know the token.
 */
export function dashboardOf(
  { spec, service, origin }: Invocation,
  env: NodeJS.ProcessEnv,
  fallback: string | undefined,
): DashboardOptions | undefined {
  if (!spec.options.includes('dashboard')) return undefined;
  const where = service.dashboard ?? fallback;
  const address = where === undefined ? undefined : addressOf(where);
  if (address === undefined) return undefined;
  const token = secretOf(TOKEN, service['dashboard-token-file'], env);
  if (token === undefined && !isLoopback(address.host)) {
    throw new OperatorError(
      'dashboard_needs_token',
      `${origin('dashboard')} ${where} can be reached from other machines, so it needs a token: name a file with --dashboard-token-file (or set ${TOKEN_VARIABLE}), or listen on loopback with --dashboard ${address.port}.`,
    );
  }
  return { ...address, hosts: service['dashboard-hosts'].map((name) => name.toLowerCase()), token };
}
