/**
 * A real object store for tests: Ceph's monitor, one disk server and the S3 gateway `radosgw`, of Debian's packages, in
 * a temporary directory, on loopback, without root's rights and without systemd.
 * Guarantees: ended with the test, also if the test is killed; ends no other server.
 * Does not: encrypt. Objects are in memory, so that it starts in seconds, unless `onDisk`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ahead } from './faketime.js';
import { freePort } from './ports.js';
import { give, isRoot, ordinaryUser } from './users.js';
import { DEADLINE_MS, until } from './waiting.js';

const PROGRAMS = ['/usr/bin/ceph-mon', '/usr/bin/ceph-osd', '/usr/bin/radosgw', '/usr/bin/radosgw-admin'];
/** `setpriv` ends a server with its parent, even if the parent is killed. */
const WITH_PARENT = ['--pdeathsig', 'KILL'];
const run = promisify(execFile);

export const hasCeph = (): boolean => PROGRAMS.every((program) => existsSync(program));

export interface CephSettings {
  /** Objects are in a sparse file instead of in memory: for many gigabytes. Bytes. */
  onDisk?: number;
}

export class Ceph {
  readonly root = mkdtempSync(join(tmpdir(), 'ingest-ceph-'));
  readonly #servers = new Map<'mon' | 'osd' | 'rgw', { child: ChildProcess; ended: Promise<unknown> }>();

  #isRunning = false;
  /** How far the gateway's clock is ahead. */
  aheadS = 0;

  private constructor(
    readonly monitorPort: number,
    readonly port: number,
    private readonly settings: CephSettings,
  ) {}

  /** `made`: called before anything is started, so that a start that fails is removed too. */
  static async start(made: (ceph: Ceph) => unknown, settings: CephSettings = {}): Promise<Ceph> {
    const ceph = new Ceph(await freePort(), await freePort(), settings);
    made(ceph);
    await ceph.#make();
    await ceph.begin();
    return ceph;
  }

  /** Starts the gateway. `aheadS`: its clock is this many seconds ahead, by libfaketime. */
  async begin({ aheadS = 0 } = {}): Promise<void> {
    this.aheadS = aheadS;
    this.#start('rgw', ['radosgw', '-f', '-n', 'client.rgw'], aheadS > 0 ? ahead(aheadS) : {});
    await until('the gateway answers', () => this.#answers(), {
      soFar: () => this.#lastWords(),
    });
    this.#isRunning = true;
  }

  /** True if the gateway has answered and was not killed. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Kills the gateway. What it has answered is kept; what it was doing is not. */
  kill(): Promise<void> {
    this.#isRunning = false;
    return this.#end('rgw');
  }

  /** Stops the gateway without ending it: connections stay, and nothing is answered. */
  freeze(): void {
    this.#servers.get('rgw')?.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#servers.get('rgw')?.child.kill('SIGCONT');
  }

  /** The administrator's command `radosgw-admin`. Returns what it prints. */
  async admin(...args: string[]): Promise<string> {
    return (await this.#run('radosgw-admin', '-n', 'client.rgw', ...args)).stdout;
  }

  async remove(): Promise<void> {
    for (const name of ['rgw', 'osd', 'mon'] as const) await this.#end(name);
    rmSync(this.root, { recursive: true, force: true });
  }

  async #make(): Promise<void> {
    for (const folder of ['', 'mon', 'osd', 'rgw']) {
      mkdirSync(join(this.root, folder), { recursive: true });
      give(ordinaryUser, join(this.root, folder));
    }
    const id = randomUUID();
    writeFileSync(this.#settingsFile, configuration(id, this.root, this.monitorPort, this.port, this.settings));
    const map = join(this.root, 'monmap');
    const monitor = `[v1:127.0.0.1:${this.monitorPort}]`;
    await this.#run('monmaptool', '--create', '--fsid', id, '--addv', 'a', monitor, map);
    await this.#run('ceph-mon', '-i', 'a', '--mkfs', '--monmap', map);
    this.#start('mon', ['ceph-mon', '-f', '-i', 'a']);
    await this.#run('ceph-osd', '-i', '0', '--mkfs');
    this.#startDisk();
  }

  get #settingsFile(): string {
    return join(this.root, 'ceph.conf');
  }

  #run(program: string, ...args: string[]): Promise<{ stdout: string }> {
    const env = { ...process.env, CEPH_CONF: this.#settingsFile };
    return run(program, args, { env, cwd: this.root, timeout: DEADLINE_MS, ...(isRoot && ordinaryUser) });
  }

  #start(name: 'mon' | 'osd' | 'rgw', command: readonly string[], more: NodeJS.ProcessEnv = {}): void {
    const child = spawn('setpriv', [...WITH_PARENT, ...command], {
      stdio: 'ignore',
      cwd: this.root,
      env: { ...process.env, ...more, CEPH_CONF: this.#settingsFile },
      ...(isRoot && ordinaryUser),
    });
    this.#servers.set(name, { child, ended: new Promise((resolve) => child.once('exit', resolve)) });
  }

  /**
   * It ends with `wrong fsid` if its first command comes before it has the monitor's map: that is a race inside Ceph. So
   * it is started until it stays.
   */
  #startDisk(): void {
    this.#start('osd', ['ceph-osd', '-f', '-i', '0']);
    const { child, ended } = this.#servers.get('osd')!;
    void ended.then(() => {
      if (this.#servers.get('osd')?.child === child && !this.isRunning) this.#startDisk();
    });
  }

  async #end(name: 'mon' | 'osd' | 'rgw'): Promise<void> {
    const server = this.#servers.get(name);
    this.#servers.delete(name);
    server?.child.kill('SIGKILL');
    await server?.ended;
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const signal = AbortSignal.timeout(1_000);
      get({ host: '127.0.0.1', port: this.port, agent: false, signal }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      }).on('error', () => resolve(false));
    });
  }

  /** The end of each log. */
  #lastWords(): string {
    return readdirSync(this.root)
      .filter((name) => name.endsWith('.log'))
      .map((name) => `${name}: ${readFileSync(join(this.root, name), 'utf8').slice(-1_000)}`)
      .join('\n');
  }
}

const SMALL_CACHE = ['bluestore cache autotune = false', 'bluestore cache size = 134217728'];

/** Ceph's settings: one disk server, one copy, one placement group for each pool, nothing that asks who one is. */
function configuration(id: string, root: string, monitorPort: number, port: number, { onDisk }: CephSettings): string {
  // Without authentication each kind of connection needs `crc`: the default `secure` waits silently for ever.
  const kinds = ['cluster', 'service', 'client', 'mon cluster', 'mon service', 'mon client'];
  const store = onDisk
    ? ['osd objectstore = bluestore', `bluestore block size = ${onDisk}`, ...SMALL_CACHE]
    : ['osd objectstore = memstore', 'memstore device bytes = 4294967296'];
  return `${[
    '[global]',
    `fsid = ${id}`,
    `mon host = v1:127.0.0.1:${monitorPort}`,
    'ms bind msgr2 = false',
    'public addr = 127.0.0.1',
    ...['cluster', 'service', 'client'].map((kind) => `auth ${kind} required = none`),
    ...kinds.map((kind) => `ms ${kind} mode = crc`),
    `mon data = ${root}/mon`,
    `osd data = ${root}/osd`,
    `rgw data = ${root}/rgw`,
    `run dir = ${root}`,
    `log file = ${root}/$name.log`,
    `crash dir = ${root}`,
    'admin socket =',
    // A full log of each request would be larger than the objects.
    ...['mon', 'osd', 'rgw', 'paxos', 'rocksdb', 'bluestore', 'bluefs', 'bdev'].map((part) => `debug ${part} = 0`),
    ...store,
    // Debian's 20.2 looks for it below the working directory.
    `osd class dir = /usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/rados-classes`,
    'osd crush chooseleaf type = 0',
    'osd pool default size = 1',
    'osd pool default min size = 1',
    'osd pool default pg num = 1',
    'osd pool default pgp num = 1',
    'osd pool default pg autoscale mode = off',
    'mon allow pool size one = true',
    // A test may run on a disk that is nearly full.
    'mon data avail crit = 1',
    'mon data avail warn = 1',
    // The defaults gather changes for a second, and each pool is one.
    'paxos propose interval = 0.02',
    'paxos min wait = 0.01',
    'objecter tick interval = 0.2',
    'mon tick interval = 1',
    // Without `tcp_nodelay` an answer waits 40 ms for the acknowledgement of its first half.
    `rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1`,
    'rgw rados pool pg num min = 1',
    'rgw num control oids = 1',
    'rgw thread pool size = 64',
    'rgw run sync thread = false',
  ].join('\n')}\n`;
}
