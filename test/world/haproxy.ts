/**
 * An HAProxy in front of two PostgreSQL, as an ordinary user. It asks each of them whether it is a standby, five times a second, and
 * leads to the one that is none.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { answers, freePort } from './ports.js';
import { isRoot, ordinaryUser } from './users.js';
import { until } from './waiting.js';

const PROGRAM = '/usr/sbin/haproxy';
export const hasHaproxy = (): boolean => existsSync(PROGRAM);

export class Haproxy {
  readonly #root = mkdtempSync(join(tmpdir(), 'ingest-haproxy-'));
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {}

  static async start(t: TestContext, to: readonly number[]): Promise<Haproxy> {
    const proxy = new Haproxy(await freePort());
    const file = join(proxy.#root, 'haproxy.cfg');
    writeFileSync(file, proxy.#config(to));
    if (isRoot) chownSync(proxy.#root, ordinaryUser.uid, ordinaryUser.gid);
    proxy.#process = spawn(PROGRAM, ['-db', '-f', file], { stdio: 'ignore', ...(isRoot && ordinaryUser) });
    t.after(() => {
      proxy.#process?.kill('SIGTERM');
      rmSync(proxy.#root, { recursive: true, force: true });
    });
    await until('HAProxy answers', () => answers(proxy.port));
    return proxy;
  }

  #config(to: readonly number[]): string {
    const hello = message('', Buffer.from('\0\x03\0\0user\0ingest\0database\0postgres\0\0'));
    const question = message('Q', Buffer.from('SELECT pg_is_in_recovery()\0'));
    return `defaults
  mode tcp
  timeout connect 10s
  timeout check 10s
  timeout client 1m
  timeout server 1m
listen primary
  bind 127.0.0.1:${this.port}
  option tcp-check
  tcp-check connect
  tcp-check send-binary ${hello}
  tcp-check expect binary ${message('Z', Buffer.from('I'))}
  tcp-check send-binary ${question}
  tcp-check expect binary ${message('D', Buffer.from('\0\x01\0\0\0\x01f'))}
  default-server check inter 200ms fall 3 rise 1 on-marked-down shutdown-sessions
${to.map((port, n) => `  server s${n} 127.0.0.1:${port}`).join('\n')}
`;
  }
}

/** A message of PostgreSQL's protocol, in hexadecimal digits. */
function message(kind: string, body: Buffer): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]).toString('hex');
}
