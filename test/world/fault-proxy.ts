/**
 * A proxy between a program and an S3 server. A rule picks requests and says what happens to them: the answer is lost,
 * the connection is cut, another answer is given, the request or its answer is held until the test releases it.
 * Guarantees: a request is passed on byte for byte with its `Host`, which is signed; every request is recorded.
 */
import {
  Agent,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  request as toServer,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type Kind, type S3Request, s3Request } from './s3-request.js';
import type { SelfSigned } from './self-signed.js';
import { stays, until } from './waiting.js';

export type Fault =
  /** The server has done it, and its answer does not come. */
  | 'lose-answer'
  /** The connection ends before the server has seen anything. */
  | 'cut'
  /** The connection ends when the server has half of the body. */
  | 'cut-in-body'
  /** The request waits for `release`, whole. It is passed on then, also if its client has gone away. */
  | 'hold'
  /** The server has done it, and its answer waits for `release`. */
  | 'hold-answer'
  | { delayMs: number }
  /** This answer instead. `after`: the server has done it all the same. */
  | { status: number; code: string; after?: boolean };

export interface Which {
  kind?: Kind | readonly Kind[];
  key?: RegExp;
  /** The number of the part. */
  part?: number;
  /** So many of them pass first. */
  after?: number;
  /** Then so many are hit; default 1. */
  times?: number;
}

export class Rule {
  /** The requests that it hit. */
  readonly hits: S3Request[] = [];
  #passed = 0;
  #isOver = false;
  readonly #released = Promise.withResolvers<void>();
  /** The server's answers to what was held. */
  readonly #late: Promise<number | undefined>[] = [];

  constructor(
    private readonly which: Which,
    readonly fault: Fault,
  ) {}

  takes({ kind, key, query }: S3Request): boolean {
    const { which } = this;
    const isOne = which.kind === undefined || [which.kind].flat().includes(kind);
    const isPart = which.part === undefined || query.partNumber === String(which.part);
    if (this.#isOver || !isOne || !isPart || !(which.key?.test(key) ?? true)) return false;
    if (this.#passed++ < (which.after ?? 0)) return false;
    return this.hits.length < (which.times ?? 1);
  }

  /** Waits until it has hit so many: until a request that is held is whole, and one whose answer is held was carried out. */
  async hit(times = 1, options: { withinMs?: number; soFar?: () => string } = {}): Promise<S3Request> {
    const isHeld = this.fault === 'hold' || this.fault === 'hold-answer';
    const seen = isHeld ? this.#late : this.hits;
    await until(`request ${times} of ${this.which.kind} ${this.which.key}`, () => seen.length >= times, options);
    return this.hits[times - 1]!;
  }

  /** It hits no more. What it holds stays held. */
  end(): void {
    this.#isOver = true;
  }

  /** What is held goes on, and nothing more is hit. Returns the server's status for each; undefined if it gave none. */
  async release(): Promise<(number | undefined)[]> {
    this.end();
    this.#released.resolve();
    return Promise.all(this.#late);
  }

  get released(): Promise<void> {
    return this.#released.promise;
  }

  owe(answer: Promise<number | undefined>): void {
    this.#late.push(answer);
  }
}

export class FaultProxy {
  /** All requests, in the order in which they came. */
  readonly requests: S3Request[] = [];
  #rules: Rule[] = [];
  readonly #toServer = new Agent({ keepAlive: true });
  #port = 0;

  private constructor(
    private readonly server: Server,
    private readonly to: number,
    private readonly isTls: boolean,
  ) {}

  /** `tls`: HTTPS with this certificate. */
  static async start(t: TestContext, to: number, tls?: SelfSigned): Promise<FaultProxy> {
    const proxy = new FaultProxy(tls ? createTlsServer(tls) : createServer(), to, tls !== undefined);
    // The server's own `100 Continue` is passed on.
    for (const event of ['request', 'checkContinue'])
      proxy.server.on(event, (request: IncomingMessage, response: ServerResponse) => proxy.#serve(request, response));
    await proxy.back();
    t.after(() => proxy.#close());
    return proxy;
  }

  get endpoint(): string {
    return `${this.isTls ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
  }

  /** The newest rule that takes a request has it. */
  add(which: Which, fault: Fault): Rule {
    const rule = new Rule(which, fault);
    this.#rules.unshift(rule);
    return rule;
  }

  /** No rule hits any more. */
  calm(): void {
    for (const rule of this.#rules) rule.end();
    this.#rules = [];
  }

  of(kind: Kind, key = /(?:)/): S3Request[] {
    return this.requests.filter((request) => request.kind === kind && key.test(request.key));
  }

  /** How many of each kind. */
  counts(): Partial<Record<Kind, number>> {
    const counts: Partial<Record<Kind, number>> = {};
    for (const { kind } of this.requests) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }

  /** Connections are refused, until `back`. */
  async away(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  async back(): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.server.once('error', reject).listen(this.#port, '127.0.0.1', resolve),
    );
    this.#port = (this.server.address() as AddressInfo).port;
  }

  #close(): void {
    this.server.close();
    this.server.closeAllConnections();
    this.#toServer.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = s3Request(request);
    this.requests.push(seen);
    response.on('finish', () => {
      seen.status = response.statusCode;
    });
    request.on('error', () => {});
    response.on('error', () => {});
    const rule = this.#rules.find((one) => one.takes(seen));
    const fault = rule?.fault;
    const exchange = new Exchange(request, response, { port: this.to, agent: this.#toServer });
    rule?.hits.push(seen);
    if (fault === 'cut') return exchange.cut();
    if (fault === 'cut-in-body') return exchange.cutAfter(Math.floor(seen.bytes / 2));
    if (fault === 'hold') return exchange.hold(rule!);
    if (fault === undefined || (typeof fault === 'object' && 'delayMs' in fault)) {
      if (fault) await stays('the request waits', () => true, fault.delayMs);
      return exchange.pass();
    }
    if (typeof fault === 'object') return exchange.answerInstead(fault);
    const answer = await exchange.done();
    if (fault === 'hold-answer') {
      rule!.owe(Promise.resolve(answer?.status));
      await rule!.released;
      return exchange.give(answer);
    }
    exchange.cut();
  }
}

interface Answer {
  status: number;
  headers: string[];
  body: Buffer;
}

/** One request on its way to the server, and the answer on its way back. */
class Exchange {
  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly server: { port: number; agent: Agent },
  ) {}

  cut(): void {
    this.request.socket.destroy();
  }

  /** Undefined answers are cut connections. */
  give(answer: Answer | undefined): void {
    if (answer) this.response.writeHead(answer.status, answer.headers).end(answer.body);
    else this.cut();
  }

  async pass(): Promise<void> {
    this.give(await this.done());
  }

  /** The server gets all of it and answers; undefined: it does not. */
  async done(): Promise<Answer | undefined> {
    return this.#ask((ask) => {
      this.request.pipe(ask);
      // A client that goes away cuts its request.
      this.request.once('close', () => this.request.complete || ask.destroy());
    });
  }

  async cutAfter(bytes: number): Promise<void> {
    let left = bytes;
    if (bytes > 0)
      await this.#ask((ask) => {
        this.request.on('data', (data: Buffer) => {
          const some = data.subarray(0, left);
          left -= some.length;
          if (some.length > 0) ask.write(some, () => left === 0 && ask.destroy());
        });
      });
    this.cut();
  }

  async hold(rule: Rule): Promise<void> {
    const chunks: Buffer[] = [];
    if (this.request.headers.expect) this.response.writeContinue();
    this.request.on('data', (data: Buffer) => chunks.push(data));
    await new Promise((resolve) => this.request.once('close', resolve).once('end', resolve));
    if (!this.request.complete) return; // its client was killed while it sent
    const late = rule.released.then(() => this.#ask((ask) => ask.end(Buffer.concat(chunks))));
    rule.owe(late.then((answer) => answer?.status));
    this.give(await late);
  }

  async answerInstead({ status, code, after }: { status: number; code: string; after?: boolean }): Promise<void> {
    if (after) await this.done();
    else this.request.resume();
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>of the test</Message></Error>`;
    this.give({ status, headers: ['content-type', 'application/xml'], body: Buffer.from(body) });
  }

  #ask(send: (ask: ReturnType<typeof toServer>) => void): Promise<Answer | undefined> {
    const { method, url: path, rawHeaders } = this.request;
    return new Promise((resolve) => {
      const ask = toServer({ host: '127.0.0.1', ...this.server, method, path, headers: rawHeaders });
      ask.on('continue', () => this.response.writeContinue());
      ask.on('error', () => resolve(undefined));
      ask.on('response', (answer) => {
        // It may answer before it has read the body.
        this.request.unpipe(ask).resume();
        const chunks: Buffer[] = [];
        answer.on('data', (data: Buffer) => chunks.push(data));
        answer.on('error', () => resolve(undefined));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, headers: withoutLength(answer), body: Buffer.concat(chunks) }),
        );
      });
      ask.flushHeaders();
      send(ask);
    });
  }
}

/** The body is given whole; a HEAD's answer keeps the length of the object. */
function withoutLength({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, i) =>
    i % 2 === 0 && !/^(?:transfer-encoding|connection|keep-alive)$/i.test(name) ? [name, rawHeaders[i + 1]!] : [],
  );
}
