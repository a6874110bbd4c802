/**
 * A machine as the runbook describes one, below a folder of its own. The files of the Debian package are laid there, and the
 * runbook's own commands run on it. Only their paths differ.
 * The test plays these parts itself: the service manager (it starts and stops the installed command), dpkg (it replaces the program
 * and keeps the configuration; .ci/artefacts-deb has the real one), the accounts (numbers stand for them, and root does
 * what sudo does; without root everything belongs to this user), and the editor.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FeedPlan } from '../world/layout.js';
import { release } from '../world/mounts.js';
import { PACKAGE, type Program } from '../world/program.js';
import { give, serviceUser, sudoShims, type User } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const RUNBOOK = readFileSync(join(PACKAGE, 'ops/runbook.md'), 'utf8');
/** The folder of the state in the runbook. */
const STATE = '/var/lib/atomic-ingestor';

/** The fenced blocks of a section of the runbook. */
export function blocksOf(heading: string, language = 'sh'): string[] {
  const [, text] = new RegExp(`^### ${heading}\\n([\\s\\S]*?)(?=^##|$(?![\\s\\S]))`, 'm').exec(RUNBOOK) ?? [];
  assert.ok(text, `the runbook has no section "${heading}"`);
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block]) => block!,
  );
  assert.ok(blocks.length > 0, `${heading}: no commands`);
  return blocks;
}

/** The folder of a release after `npm ci`: this release, or the next one, whose ledger has one migration more. */
export function releaseIn(folder: string, migration?: string): string {
  const { files } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { files: string[] };
  for (const name of [...globSync(files, { cwd: PACKAGE }), 'package.json', 'npm-shrinkwrap.json'])
    cpSync(join(PACKAGE, name), join(folder, name), { recursive: true });
  // Links of the release stay links.
  const modules = join(PACKAGE, 'node_modules');
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(modules)) symlinkSync(join(modules, name), join(folder, 'node_modules', name));
  if (migration === undefined) return folder;
  const path = join(folder, 'dist/src/ingest/ledger/schema.js');
  const before = readFileSync(path, 'utf8');
  const after = before.replace(/,?\s*\],?\s*\};/, (end) => `, \`${migration}\`${end.replace(/^,/, '')}`);
  assert.notEqual(after, before, 'the migrations of the ledger are a list');
  writeFileSync(path, after);
  // Each command is one file.
  execFileSync(process.execPath, [join(folder, 'ops/bundle.mjs')]);
  return folder;
}

export class Machine {
  readonly world: World;
  /** The running service. */
  service: Program | undefined;
  /** The change that the editor makes to the configuration. */
  edit: (config: string) => string = (config) => config;
  /** Mounts the warehouse, as the line in fstab says. */
  mount: () => void = () => {};

  /** `feeds`: the feeds whose folders exist from the start. */
  constructor(
    t: TestContext,
    { ground = tmpdir(), feeds = ['default'] }: { ground?: string; feeds?: readonly string[] } = {},
  ) {
    this.root = realpathSync(mkdtempSync(join(ground, 'machine-')));
    chmodSync(this.root, 0o755);
    const plans = feeds.map((name) => [name, this.#places(name === 'default' ? '' : name)] as const);
    this.user = serviceUser(t);
    const user = this.user && { user: this.user };
    this.world = createWorld(t, { feeds: Object.fromEntries(plans), ground: this.root, ...user });
    // systemd-tmpfiles creates these folders.
    const made = [join(this.root, 'var/backups/atomic-ingestor'), ...this.world.feeds.map(({ workDir }) => workDir!)];
    for (const path of made) mkdirSync(path, { recursive: true });
    if (this.user) give(this.user, ...made);
    t.after(() => {
      release(this.root);
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  readonly root: string;
  readonly user: User | undefined;

  #places(below: string): FeedPlan {
    const at = (name: string) => join(this.root, 'srv/ingest', below, name);
    return { input: at('staging'), workDir: at('work'), warehouse: at('warehouse'), manifests: at('manifests') };
  }

  get config(): string {
    return join(this.root, 'etc/atomic-ingestor/config.yaml');
  }

  /** Installs the files of the package as dpkg does. The configuration has no quiet window and no dashboard. */
  install(from: string): void {
    const unpacked = join(this.root, 'unpacked');
    const args = [join(from, 'ops/deb/tree.mjs'), unpacked];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const program = join(this.root, 'usr');
    if (existsSync(program)) renameSync(program, `${program}.old`);
    renameSync(join(unpacked, 'usr'), program);
    if (!existsSync(this.config)) renameSync(join(unpacked, 'etc'), join(this.root, 'etc'));
    for (const path of [unpacked, `${program}.old`]) rmSync(path, { recursive: true, force: true });
    const config = readFileSync(this.config, 'utf8')
      .replace(/^dashboard: .*$/m, '')
      .replace(/^# stability-seconds: .*$/m, 'stability-seconds: 0')
      .replace(/^# quiet-ms: .*$/m, 'quiet-ms: 0');
    writeFileSync(this.config, this.#here(config));
  }

  /** Returns the text with the paths of this machine. `host:/path` becomes the path on the machine of that host. */
  #here(text: string, hosts: Record<string, Machine> = {}): string {
    const path = /(?<![\w.\-/])(?:([\w-]+):)?(\/(?:srv|etc|var)\/[^\s']*)/g;
    return text.replace(path, (_, name: string | undefined, at: string) => {
      const machine = name === undefined ? this : hosts[name]!;
      return at.startsWith(STATE)
        ? join(dirname(machine.world.statePath), at.slice(STATE.length))
        : `${machine.root}${at}`;
    });
  }

  command(name: string): string {
    return join(this.root, 'usr/bin', name);
  }

  /** Waits until the service is at work, as systemd does for a unit of `Type=notify`. */
  async start(): Promise<void> {
    assert.ok(!this.service?.running, 'the service runs already');
    const args = ['--config', this.config, '--state-path', this.world.statePath];
    const service = this.world.launch(this.command('ingest'), args);
    this.service = service;
    const isAtWork = () => service.events.some(({ event }) => event === 'worker_started') || !service.running;
    await until('the service to be at work', isAtWork, { soFar: () => service.tail() });
    assert.ok(service.running, service.tail());
  }

  async stop(): Promise<void> {
    if (!this.service?.running) return;
    const { code } = await this.service.stop();
    assert.equal(code, 0, this.service.tail());
  }

  /** Runs commands of the runbook. `release`: what dpkg installs. `hosts`: machines that they name. Returns what was printed. */
  async run(commands: string, { release: from, hosts = {} }: Where = {}): Promise<string> {
    const asked = join(this.root, 'asked');
    const script = `${sudoShims(this.user)}${shims(asked)}\n${this.#here(commands, hosts)}`;
    // A command finds the configuration in /etc by itself (.ci/artefacts-deb). This one needs an option.
    const env = {
      ...process.env,
      INGEST_CONFIG: this.config,
      PATH: `${join(this.root, 'usr/bin')}:${process.env.PATH}`,
    };
    const bash = spawn('bash', ['-euc', script], { cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [bash.stdout, bash.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    const closed = once(bash, 'close');
    const ended = async () => {
      if (existsSync(asked)) await this.#answer(asked, from);
      return bash.exitCode !== null;
    };
    try {
      await until('the commands to end', ended, { everyMs: 20, soFar: () => said });
    } finally {
      bash.kill();
    }
    const [code] = await closed;
    assert.equal(code, 0, `${commands}\n${said}`);
    return said;
  }

  async #answer(asked: string, from: string | undefined): Promise<void> {
    const what = readFileSync(asked, 'utf8').trim();
    if (what === 'edit') writeFileSync(this.config, this.#here(this.edit(readFileSync(this.config, 'utf8'))));
    if (what === 'stop' || what === 'disable' || what === 'restart') await this.stop();
    if (what === 'start' || what === 'restart' || what === 'enable') await this.start();
    if (what === 'mount') this.mount();
    if (what === 'dpkg') await this.#dpkg(from!);
    rmSync(asked);
  }

  /** A service that runs is restarted, as the package's postinst does it. */
  async #dpkg(from: string): Promise<void> {
    const runs = this.service?.running;
    this.install(from);
    if (!runs) return;
    await this.stop();
    await this.start();
  }
}

interface Where {
  release?: string;
  hosts?: Record<string, Machine>;
}

const shims = (asked: string): string => `
  ask() { echo "$1" > '${asked}.new'; mv '${asked}.new' '${asked}'; while [ -e '${asked}' ]; do sleep 0.02; done; }
  dpkg() { ask dpkg; }
  apt-get() { ask dpkg; }
  systemctl() { ask "$1"; }
  mount() { ask mount; }
  sudoedit() { ask edit; }`;
