/**
 * POSTs a message to an address.
 * Guarantees: an answer with 2xx means accepted. Redirects are not followed, certificates are verified. Only a few hundred
 * characters of the answer are read. A receiver that does not answer in time has failed. The address may be a secret, so no error
 * names it.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { safeText } from '../../base/telemetry/safe.js';
import { limits } from './limits.js';
import { SIGNATURE_HEADER, signatureOf } from './signature.js';

export interface WebhookOptions {
  url: string;
  secret: string | undefined;
  wallMs(): number;
}

export function post(body: string, { url, secret, wallMs }: WebhookOptions, signal: AbortSignal): Promise<void> {
  const { protocol } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = (protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: 'POST',
      agent: false,
      signal,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'atomic-ingestor',
        ...(secret !== undefined && { [SIGNATURE_HEADER]: signatureOf(secret, body, wallMs()) }),
      },
    });
    request.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    request.on('response', (response) => {
      const { statusCode = 0 } = response;
      let answer = '';
      const end = () => {
        request.destroy();
        reject(new Error(refusalOf(statusCode, answer)));
      };
      if (statusCode >= 200 && statusCode < 300) {
        resolve();
        end();
        return;
      }
      response.setEncoding('utf8').on('data', (text: string) => {
        answer += text.slice(0, limits.answerCharsMax);
        if (answer.length >= limits.answerCharsMax) end();
      });
      response.on('end', end);
      response.on('error', end);
    });
    request.end(body);
  });
}

function refusalOf(status: number, answer: string): string {
  const redirect =
    status >= 300 && status < 400 ? ' (redirects are not followed: name the address that it leads to)' : '';
  const said = answer.trim().slice(0, limits.answerCharsMax);
  return `it answered ${status}${redirect}${said === '' ? '' : `: ${safeText(said)}`}`;
}
