/**
 * A proxy between a client and a PostgreSQL that cuts a connection at a statement: before the statement reaches the
 * server, or after the server has done it and before its answer reaches the client.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export type Cut = 'before' | 'after';

/** The last message of an answer: ready for the next statement. */
const isReady = (answer: Buffer): boolean => answer.length >= 6 && answer.readUInt8(answer.length - 6) === 0x5a;

export class CuttingProxy {
  /** Cuts in this way at the statement after this many. */
  #cut: { in: number; how: Cut } | undefined;
  readonly #open = new Set<Socket>();
  /** The statements that it has seen. */
  statements = 0;

  private constructor(
    readonly server: Server,
    private readonly to: number,
  ) {}

  static async start(t: TestContext, to: number): Promise<CuttingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new CuttingProxy(server, to);
    server.on('connection', (client) => proxy.#carry(client));
    t.after(() => proxy.close());
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** `after`: the number of statements that pass before it. */
  cutNext(how: Cut, after = 0): void {
    this.#cut = { in: after, how };
  }

  /** Connections of clients now. */
  get open(): number {
    return this.#open.size;
  }

  get isArmed(): boolean {
    return this.#cut !== undefined;
  }

  calm(): void {
    this.#cut = undefined;
  }

  /** Cuts all connections now. */
  cutAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.cutAll();
    this.server.close();
  }

  #carry(client: Socket): void {
    const server = connect(this.to, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      server.destroy();
      this.#open.delete(client);
    };
    this.#open.add(client);
    let isAnswerCut = false;
    let answer = Buffer.alloc(0);
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (data) => {
      // 'P': a statement is parsed; this is the first message of a statement with values.
      if (data[0] === 0x50) {
        this.statements++;
        if (this.#cut && this.#cut.in-- <= 0) {
          const { how } = this.#cut;
          this.#cut = undefined;
          if (how === 'before') return end();
          isAnswerCut = true;
        }
      }
      server.write(data);
    });
    server.on('data', (data) => {
      if (!isAnswerCut) return void client.write(data);
      answer = Buffer.concat([answer, data]);
      if (isReady(answer)) end();
    });
  }
}
