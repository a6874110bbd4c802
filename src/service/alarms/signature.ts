/**
 * The signature of a webhook: HMAC-SHA256, by a secret that both sides know, over the moment of sending and the body; so
 * nobody else can send one, change it, or send an old one again. In the form that Stripe made usual.
 */
import { createHmac } from 'node:crypto';

export const SIGNATURE_HEADER = 'ingest-signature';

/** `t=SECONDS,v1=HEX`; signed is `SECONDS.BODY`. */
export function signatureOf(secret: string, body: string, wallMs: number): string {
  const seconds = Math.floor(wallMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
