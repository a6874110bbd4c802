/**
 * Decides who may ask and who may change something. Any user of this machine may ask on loopback; on another address a request
 * needs the token.
 * Guarantees: a request under a foreign name is refused before anything is read; a change needs a header that no form
 * and no foreign page can send; nothing that came with a request goes into a header of the answer.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isLoopback } from '../../base/config/dashboard.js';
import { refuse } from './refusals.js';

export interface GuardOptions {
  host: string;
  /** Further names by which this machine is asked, in lower case. */
  hosts: readonly string[];
  /** Undefined on loopback. */
  token: string | undefined;
}

/** Sent by the page with each change. */
export const ACTION_HEADER = 'x-ingest-action';
/** They only say that it runs, and a program that watches over it has no token. */
const OPEN = new Set(['/healthz', '/readyz']);

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

export function guard(app: FastifyInstance, { host, hosts, token }: GuardOptions): void {
  const wanted = token === undefined ? undefined : digestOf(token);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    if (!isOurName(request.headers.host, host, hosts)) {
      return refuse(
        reply,
        403,
        'host_not_allowed',
        'This name is not one of this dashboard; --dashboard-hosts adds it.',
      );
    }
    if (wanted && !OPEN.has(request.url) && !isAuthorised(request, wanted)) {
      reply.header('www-authenticate', 'Basic realm="Atomic Ingestor", charset="UTF-8"');
      return refuse(reply, 401, 'token_missing', 'Send the token, as Bearer or as the password of Basic.');
    }
    if (request.method === 'POST') return whyNoChange(request, reply);
    return undefined;
  });
}

/** Only our own page, or a program that is no browser. */
function whyNoChange({ headers, protocol }: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  const { origin, host, 'sec-fetch-site': site } = headers;
  const ours = origin === undefined || origin === `${protocol}://${host}` || origin === `https://${host}`;
  if (!ours || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
    return refuse(reply, 403, 'foreign_origin', 'A page of another origin may change nothing here.');
  }
  if (headers[ACTION_HEADER] !== undefined) return undefined;
  return refuse(reply, 403, 'header_missing', `A change needs the header ${ACTION_HEADER}, with any value.`);
}

function isAuthorised({ headers: { authorization = '' } }: FastifyRequest, wanted: Buffer): boolean {
  const [, scheme, value = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme === undefined) return false;
  const given =
    scheme.toLowerCase() === 'bearer'
      ? value
      : Buffer.from(value, 'base64')
          .toString('utf8')
          .replace(/^[^:]*:/, '');
  // Digests have one length, so that the time of the comparison says nothing about the token.
  return timingSafeEqual(digestOf(given), wanted);
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether a request that came to us was meant for us. A page of somebody else may make its own name point to this machine
 * (DNS rebinding), and its scripts would then read what we answer; a name that is not ours gives it away. An address is no
 * name, so nobody can point it elsewhere.
 */
function isOurName(header: string | undefined, host: string, more: readonly string[]): boolean {
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
