/** A receiver of webhooks on loopback that can be away, refuse, or never answer; and a notifier with a clock that a test moves. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { STAGE_NAMES } from '../../../src/base/config/values/stage-names.js';
import type { Emit } from '../../../src/base/telemetry/emit.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { Alarms } from '../../../src/service/alarms/alarms.js';
import type { Receiver } from '../../../src/service/alarms/channel.js';
import { limits } from '../../../src/service/alarms/limits.js';
import type { Message } from '../../../src/service/alarms/message.js';
import { receiversOf } from '../../../src/service/alarms/run.js';
import { PLAIN_SHELL } from '../../world/shell.js';
import { createWorld, type World } from '../../world/world.js';

export const SECRET = 'a-secret-of-both-sides';

export class Web {
  readonly bodies: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  /** Writes the answer. Undefined: there is no answer. */
  answer: ((response: ServerResponse) => void) | undefined = (response) => void response.writeHead(204).end();
  #server: Server | undefined;
  port = 0;

  static async open(t: TestContext): Promise<Web> {
    const web = new Web();
    await web.back();
    t.after(() => web.away());
    return web;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  get messages(): Message[] {
    return this.bodies.map((body) => JSON.parse(body) as Message);
  }

  /** Each alarm that was received, with its event: `began ENOSPC`. */
  get told(): string[] {
    return this.messages.flatMap(({ alarms }) => alarms.map(({ event, code }) => `${event} ${code}`));
  }

  async away(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)));
    this.#server = undefined;
  }

  async back(): Promise<void> {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        this.headers.push(request.headers);
        this.bodies.push(body);
        this.answer?.(response);
      });
    });
    await new Promise<void>((resolve) => this.#server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Asserts that the last message was signed with that secret, and returns the time of the signature. */
  signed(secret: string): number {
    const [, seconds, given] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(this.headers.at(-1)!['ingest-signature'])) ?? [];
    const own = createHmac('sha256', secret)
      .update(`${seconds}.${this.bodies.at(-1)}`)
      .digest('hex');
    assert.equal(given, own);
    return Number(seconds);
  }
}

const START_MS = Date.UTC(2026, 2, 2, 5, 0); // a Monday

/** A state with a producer and a worker at work, and its notifier. */
export class Told {
  readonly world: World;
  readonly events: string[] = [];
  readonly clock = { now: 0, ms: () => this.clock.now, wallMs: () => START_MS + this.clock.now };
  alarms!: Alarms;
  backend!: Backend;
  /** The state, opened by another process. */
  worker!: Backend;
  #open: Backend[] = [];
  receivers: Receiver[];

  private constructor(t: TestContext, web: Web) {
    this.world = createWorld(t);
    const notify = { command: undefined, webhook: web.url, secret: SECRET };
    this.receivers = receiversOf(notify, this.clock);
    t.after(async () => {
      for (const backend of this.#open) await backend.close();
    });
  }

  static async open(t: TestContext, web: Web): Promise<Told> {
    const told = new Told(t, web);
    await told.owner('producer');
    told.worker = await told.owner(`worker ${STAGE_NAMES.join(' ')}`);
    await told.start();
    await told.turn();
    return told;
  }

  async owner(title: string): Promise<Backend> {
    const backend = await openState({ statePath: this.world.statePath, title, maxAttempts: 8 });
    this.#open.push(backend);
    return backend;
  }

  /** Starts a notifier. `die` ends the one before. */
  async start(): Promise<void> {
    this.backend = await this.owner('notifier');
    this.alarms = this.another(this.backend);
  }

  another(backend: Backend): Alarms {
    const { clock, receivers } = this;
    const emit: Emit = (event) => void this.events.push(event);
    const onFatal = (error: unknown) => {
      throw error;
    };
    const { statePath } = this.world;
    return new Alarms({ backend, statePath, shell: PLAIN_SHELL, host: 'here', receivers, clock, emit, onFatal });
  }

  die(): Promise<void> {
    return this.leave(this.backend);
  }

  async leave(owner: Backend): Promise<void> {
    this.#open = this.#open.filter((one) => one !== owner);
    await owner.close();
  }

  async turn(): Promise<void> {
    // Every process sends a heartbeat, however slow this machine is.
    for (const owner of this.#open) owner.beat({ job: null, place: '' });
    await this.alarms.turn();
    await this.alarms.idle();
  }

  /** Lets that much time pass, with all checks that are due in it. */
  async pass(ms: number, each: () => void = () => {}): Promise<void> {
    const endMs = this.clock.now + ms;
    while (this.clock.now < endMs) {
      this.clock.now += limits.lookEveryMs;
      await this.turn();
      each();
    }
  }

  close(place: string, code = 'ENOSPC', stage = 'move'): Promise<unknown> {
    const gate = { feed: 'default', stage, cause: 'place', place, code, reason: 'it is full' } as const;
    return this.worker.transact((tx) => tx.closeGate(gate));
  }

  reopen(place: string, stage = 'move'): Promise<unknown> {
    return this.worker.transact((tx) => tx.openGate({ feed: 'default', stage, cause: 'place', place }));
  }

  async hold(count: number, code: string | ((n: number) => string) = 'too_large'): Promise<void> {
    const codeOf = typeof code === 'string' ? () => code : code;
    const candidate = { feed: 'default', bytes: 1, payload: {}, dueInMs: 0, identity: 'v1' };
    await this.worker.enqueue(
      Array.from({ length: count }, (_, n) => ({
        ...candidate,
        key: Buffer.from(`${codeOf(n)} ${n} ${this.clock.now}`),
      })),
    );
    for (let left = count; left > 0; ) {
      const jobs = await this.worker.claim('verify-complete', 1_000);
      const outcome = (n: number) => ({ kind: 'hold' as const, code: codeOf(n), reason: 'it is too large' });
      await this.worker.settle(jobs.map((job, n) => ({ job, outcome: outcome(n) })));
      left -= jobs.length;
    }
  }
}
