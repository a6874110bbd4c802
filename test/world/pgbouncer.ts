/** A PgBouncer that pools transactions, as an ordinary user, in front of a PostgreSQL that may change. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { answers, freePort } from './ports.js';
import { isRoot, ordinaryUser } from './users.js';
import { until } from './waiting.js';

const PROGRAM = '/usr/sbin/pgbouncer';
export const hasPgBouncer = (): boolean => existsSync(PROGRAM);

export class PgBouncer {
  readonly #root = mkdtempSync(join(tmpdir(), 'ingest-pgbouncer-'));
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {}

  static async start(t: TestContext, to: number): Promise<PgBouncer> {
    const bouncer = new PgBouncer(await freePort());
    if (isRoot) chownSync(bouncer.#root, ordinaryUser.uid, ordinaryUser.gid);
    bouncer.#write(to);
    bouncer.#process = spawn(PROGRAM, [bouncer.#file], { stdio: 'ignore', ...(isRoot && ordinaryUser) });
    t.after(() => {
      bouncer.#process?.kill('SIGINT');
      rmSync(bouncer.#root, { recursive: true, force: true });
    });
    await until('PgBouncer answers', () => answers(bouncer.port));
    return bouncer;
  }

  /** New transactions go to that server. */
  leadTo(port: number): void {
    this.#write(port);
    this.#process?.kill('SIGHUP');
  }

  get #file(): string {
    return join(this.#root, 'pgbouncer.ini');
  }

  #write(to: number): void {
    writeFileSync(
      this.#file,
      `[databases]
postgres = host=127.0.0.1 port=${to} user=ingest
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${this.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_login_retry = 1
`,
    );
  }
}
