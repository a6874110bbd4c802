/**
 * The signature of a webhook: HMAC-SHA256 with a shared secret, over the time of sending and the body. So nobody else can send a
 * message, change one, or repeat an old one. The format is the one that Stripe made common.
 */
import { createHmac } from 'node:crypto';

export const SIGNATURE_HEADER = 'ingest-signature';

/** Returns `t=SECONDS,v1=HEX`. The signed text is `SECONDS.BODY`. */
export function signatureOf(secret: string, body: string, wallMs: number): string {
  const seconds = Math.floor(wallMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
