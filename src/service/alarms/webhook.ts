/**
 * POSTs a message to an address, signed by HMAC-SHA256 with a shared secret over the time of sending and the body. So nobody else can
 * send a message, change one, or repeat an old one. The format is the one that Stripe made common.
 * Guarantees: an answer with 2xx means accepted. Redirects are not followed, certificates are verified. Only a few hundred
 * characters of the answer are read. A receiver that does not answer in time has failed. The address may be a secret, so no error
 * names it.
 */

import { createHmac } from 'node:crypto';
import { safeText } from '../../base/telemetry/safe.js';
import { limits } from './limits.js';

const SIGNATURE_HEADER = 'ingest-signature';

/** Returns `t=SECONDS,v1=HEX`. The signed text is `SECONDS.BODY`. */
export function signatureOf(secret: string, body: string, wallMs: number): string {
  const seconds = Math.floor(wallMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

export interface WebhookOptions {
  url: string;
  secret: string | undefined;
  wallMs(): number;
}

export async function post(body: string, { url, secret, wallMs }: WebhookOptions, signal: AbortSignal): Promise<void> {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'user-agent': 'atomic-ingestor',
    connection: 'close',
    ...(secret !== undefined && { [SIGNATURE_HEADER]: signatureOf(secret, body, wallMs()) }),
  };
  try {
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    if (!response.ok) throw new Error(refusalOf(response.status, await beginningOf(response)));
    await response.body?.cancel();
  } catch (error) {
    // fetch says only that it failed, and why in the cause.
    throw signal.aborted ? signal.reason : ((error as Error).cause ?? error);
  }
}

async function beginningOf({ body }: Response): Promise<string> {
  let text = '';
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length >= limits.answerCharsMax) break;
  }
  return text.slice(0, limits.answerCharsMax).trim();
}

function refusalOf(status: number, said: string): string {
  const redirect =
    status >= 300 && status < 400 ? ' (redirects are not followed: name the address that it leads to)' : '';
  return `it answered ${status}${redirect}${said === '' ? '' : `: ${safeText(said)}`}`;
}
