/**
 * Every refusal in one shape, `{"error":"code","sentence":"…"}`, also for bytes that never become a request.
 * Guarantees: a bug is reported to the log with its stack, and its answer has no stack.
 */

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { StateUnwritable } from '../../../queue/index.js';
import { OperatorError } from '../../base/errors.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { limits } from './data/limits.js';
import { MoreHeld } from './held/acts.js';
import { BadQuery } from './query.js';

interface Refusal {
  status: number;
  error: string;
  sentence: string;
}

export function refuse(reply: FastifyReply, status: number, error: string, sentence: string): FastifyReply {
  return reply.code(status).type('application/json').send({ error, sentence });
}

export function refuseInOneShape(app: FastifyInstance, emit: Emit): void {
  app.setErrorHandler((thrown: FastifyError, _request, reply) => {
    const { status, error, sentence } = refusalOf(thrown);
    if (error === 'failed') emit('dashboard_failed', { reason: thrown.message, stack: thrown.stack });
    return refuse(reply, status, error, sentence);
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'not_found', 'docs/http-api.md lists what there is.'));
}

function refusalOf(thrown: FastifyError): Refusal {
  const { message } = thrown;
  if (thrown instanceof BadQuery) return { status: 400, error: 'bad_query', sentence: message };
  if (thrown instanceof MoreHeld) return { status: 409, error: 'more_held', sentence: message };
  if (thrown instanceof StateUnwritable || thrown instanceof OperatorError)
    return { status: 503, error: thrown.code, sentence: message };
  switch (thrown.statusCode) {
    case 400:
      return { status: 400, error: 'bad_query', sentence: 'The body must be a JSON object; {} stands for all.' };
    case 413:
      return { status: 413, error: 'body_too_large', sentence: `A body has at most ${limits.bodyBytesMax} bytes.` };
    case 415:
      return { status: 415, error: 'not_json', sentence: 'A change needs a body of the type application/json.' };
    default:
      return { status: 500, error: 'failed', sentence: `This is a bug: ${message}; the log has its stack.` };
  }
}

const BAD_REQUEST: Refusal = { status: 400, error: 'bad_request', sentence: 'That is no request of HTTP/1.1.' };

/** The answer to bytes that HTTP's parser refuses, before there is a request. */
export function refuseConnection({ code }: Error & { code?: string }, socket: Duplex): void {
  if (code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, error, sentence } = ofParser(code);
  const body = JSON.stringify({ error, sentence });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function ofParser(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW')
    return {
      status: 431,
      error: 'headers_too_large',
      sentence: `Headers have at most ${limits.headerBytesMax} bytes.`,
    };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return {
      status: 408,
      error: 'too_slow',
      sentence: `The headers of a request come within ${limits.headersTimeoutMs / 1_000} s, all of it within ${limits.requestTimeoutMs / 1_000} s.`,
    };
  return BAD_REQUEST;
}
