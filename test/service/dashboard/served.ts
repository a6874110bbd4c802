/** A world with a dashboard: started on a free port, asked over real HTTP. */
import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import type { Snapshot } from '../../../src/service/dashboard/data/snapshots.js';
import type { World } from '../../world/world.js';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Asking {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Ends after the first message of a stream. */
  once?: boolean;
}

export class Served {
  constructor(
    readonly port: number,
    readonly host = '127.0.0.1',
  ) {}

  get url(): string {
    return `http://${this.host}:${this.port}/`;
  }

  /** `path` is sent unchanged: no client normalises it. */
  ask(path: string, { method = 'GET', headers = {}, body, once = false }: Asking = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: this.host, port: this.port, path, method, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (once && /^data: .*\n\n$/m.test(text)) end();
        });
        const end = () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
          if (once) sent.destroy();
        };
        response.on('error', reject);
        response.on('end', end);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async json<T>(path: string, asking: Asking = {}): Promise<T> {
    const { status, body } = await this.ask(path, asking);
    assert.equal(status, 200, `${path}: ${body}`);
    return JSON.parse(body) as T;
  }

  /** Sends a change as the page does. */
  change(verb: string, body: object, headers: Record<string, string> = { 'x-ingest-action': '1' }): Promise<Answer> {
    const all = { 'content-type': 'application/json', ...headers };
    return this.ask(`/${verb}`, { method: 'POST', headers: all, body: JSON.stringify(body) });
  }

  /** The first snapshot that the stream sends. */
  async snapshot(): Promise<Snapshot> {
    const { body } = await this.ask('/events', { once: true });
    return JSON.parse(/^data: (.*)$/m.exec(body)![1]!) as Snapshot;
  }
}

/** Returns a port on which no process listens now. The caller must use it at once. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** `ingest-dashboard` alone, on the world's state. */
export async function dashboardAlone(
  world: World,
  { address = '', args = [], env = {} }: { address?: string; args?: string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<Served> {
  const port = await freePort();
  const since = world.log.all.length;
  const where = ['--dashboard', `${address}${port}`, '--state-path', world.statePath];
  world.launch('ingest-dashboard', [...where, ...args], { env });
  await world.event('dashboard', undefined, { since });
  return new Served(port);
}

/** `ingest` with its dashboard. */
export async function ingestServed(world: World, args: readonly string[] = []): Promise<Served> {
  const port = await freePort();
  const since = world.log.all.length;
  world.start('ingest', ['--dashboard', String(port), ...args]);
  await world.event('dashboard', undefined, { since });
  return new Served(port);
}
