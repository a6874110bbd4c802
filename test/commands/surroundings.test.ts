/** Runs each command in poor surroundings: it works, or ends with one sentence and a documented code, and never with a stack. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { integrityOf } from '../world/database.js';
import type { Ended, StartOptions } from '../world/program.js';
import { canTrace } from '../world/tracer.js';
import { isRoot } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';

/** `prints`: a result on stdout, in every case. */
const COMMANDS: Record<string, { args: (world: World) => string[]; prints: boolean; unknown?: number }> = {
  'ingest --once': { args: (world) => ['--once', ...folders(world)], prints: false },
  'ingest-ctl doctor': { args: (world) => ['doctor', ...folders(world)], prints: true },
  'ingest-ctl explain': { args: () => ['explain', 'a.csv'], prints: true },
  'queue-stat': { args: () => [], prints: true },
  'queue-stat --check': { args: () => ['--check'], prints: true, unknown: 3 },
};
type Name = keyof typeof COMMANDS;

interface Surrounding {
  about: string;
  options: (world: World) => StartOptions;
  /** The sentence with which every command ends. */
  refusal?: RegExp;
  code?: number;
  /** Only commands that print a result end so. */
  ofResults?: true;
  /** Without --state-path. */
  ownState?: true;
  needs?: 'root' | 'strace';
}

/** A script of a shell that then runs the command. */
const sh = (script: string): string[] => ['sh', '-c', `${script}`, 'sh'];
const inMounts = (script: string): string[] => ['unshare', '-m', ...sh(`${script} && exec "$@"`)];
const nobody = 'setpriv --reuid=54321 --regid=54321 --clear-groups env -u HOME';
const refusing = (error: string): string[] =>
  `strace -f -qq --seccomp-bpf -o /dev/null -e trace=openat2 -e inject=openat2:error=${error}`.split(' ');

const CLOSED =
  /stdout, but it is closed, or not open for writing \(EBADF\); send them to a file, or to \/dev\/null\.$/m;

const SURROUNDINGS: Surrounding[] = [
  {
    about: 'no /proc',
    options: () => ({ wrap: inMounts('mount -t tmpfs none /proc') }),
    refusal: /\/proc must be mounted, .* \/proc\/self\/fd cannot be used \(ENOENT\); run mount/,
    needs: 'root',
  },
  {
    about: '/proc with subset=pid',
    options: () => ({
      wrap: ['unshare', '-mpf', ...sh('mount -t proc -o subset=pid proc /proc && exec "$@"')],
    }),
    refusal: /boot_id cannot be read \(ENOENT\); mount it without subset=pid, or set ProcSubset=all in the unit/,
    needs: 'root',
  },
  {
    about: '/proc with hidepid',
    options: () => ({
      wrap: ['unshare', '-mpf', ...sh(`mount -t proc -o hidepid=2 proc /proc && exec ${nobody} "$@"`)],
    }),
    needs: 'root',
  },
  { about: 'no HOME and no passwd entry', options: () => ({ wrap: sh(`exec ${nobody} "$@"`) }), needs: 'root' },
  {
    about: 'no HOME and no passwd entry, and no --state-path',
    options: () => ({ wrap: sh(`exec ${nobody} "$@"`) }),
    refusal: /HOME names none and uid 54321 has no entry in \/etc\/passwd; add --state-path/,
    code: 2,
    ownState: true,
    needs: 'root',
  },
  {
    about: 'a HOME that is no path, and no --state-path',
    options: () => ({ env: { HOME: '' } }),
    refusal: /HOME names none .* add --state-path/,
    code: 2,
    ownState: true,
  },
  {
    about: 'stdout closed',
    options: () => ({ wrap: sh('exec "$@" >&-') }),
    refusal: CLOSED,
    ofResults: true,
  },
  {
    about: 'stdin and stdout closed',
    options: () => ({ wrap: sh('exec "$@" <&- >&-') }),
    refusal: CLOSED,
    ofResults: true,
  },
  { about: 'stdin closed', options: () => ({ wrap: sh('exec "$@" <&-') }) },
  { about: 'stderr closed', options: () => ({ wrap: sh('exec "$@" 2>&-') }) },
  { about: 'stdin and stderr closed', options: () => ({ wrap: sh('exec "$@" <&- 2>&-') }) },
  {
    about: 'stdout full',
    options: () => ({ wrap: sh('exec "$@" > /dev/full') }),
    refusal: /stdout, but it takes none \(ENOSPC\); free space/,
    ofResults: true,
  },
  { about: 'TMPDIR missing', options: (world) => ({ env: { TMPDIR: `${world.root}/none` } }) },
  {
    about: 'a read-only root',
    options: ({ root }) => ({ wrap: inMounts(`mount --bind ${root} ${root} && mount -o remount,bind,ro /`) }),
    needs: 'root',
  },
  ...['ENOSYS', 'EPERM'].map(
    (error): Surrounding => ({
      about: `openat2 refused with ${error}`,
      options: () => ({ wrap: refusing(error) }),
      refusal: new RegExp(`openat2\\(2\\) is needed .* answers ${error}: .*RestrictSUIDSGID=no .*SystemCallFilter=`),
      needs: 'strace',
    }),
  ),
];

const folders = (world: World): string[] => world.flags('ingest').filter((flag) => !flag.startsWith('--state-path'));

function isMissing(t: TestContext, { needs, about }: Surrounding): boolean {
  const lacks = (needs === 'root' && !isRoot) || (needs === 'strace' && !canTrace);
  if (lacks) t.skip(`no ${needs}: the commands with ${about} were not tested`);
  return lacks;
}

test('every command in every surrounding', async (t) => {
  // As root the folders are a user's who has no passwd entry; the wrappers need root, and what they run may be anybody.
  const world = createWorld(t, isRoot ? { user: { uid: 54321, gid: 54321 } } : {});
  world.drop('a.csv', 100);
  await world.runOnce();
  for (const surrounding of SURROUNDINGS) {
    await t.test(surrounding.about, async (t) => {
      if (isMissing(t, surrounding)) return;
      const options = { ...surrounding.options(world), ...(isRoot && { user: { uid: 0, gid: 0 } }) };
      await Promise.all(
        Object.keys(COMMANDS).map(async (name) =>
          judge(surrounding, name, await run(world, surrounding, name, options)),
        ),
      );
    });
  }
});

async function run(world: World, { ownState }: Surrounding, name: Name, options: StartOptions): Promise<Ended> {
  const [command] = name.split(' ');
  const args = COMMANDS[name]!.args(world);
  const own = args.some((arg) => arg.startsWith('--input')) ? [] : [`--input=${world.input}`];
  const state = ownState ? own : [`--state-path=${world.statePath}`];
  return world.launch(command!, [...args, ...state], options).ended;
}

function judge({ refusal, code = 3, ofResults }: Surrounding, name: Name, ended: Ended): void {
  const { prints, unknown = code } = COMMANDS[name]!;
  const said = `${name}: ${ended.code ?? ended.signal}\n${ended.stdout}\n${ended.stderr}`;
  assert.doesNotMatch(said, /^\s+at /m, 'no stack');
  assert(!ended.events.some(({ event }) => event === 'bug' || event === 'worker_lost'), said);
  if (refusal === undefined || (ofResults && !prints)) {
    assert.equal(ended.code, 0, said);
    return;
  }
  assert.equal(ended.code, unknown, said);
  assert.match(said, refusal);
}

test('with closed descriptors nothing is written but files of the product, and a command without its stdout ends with 3', async (t) => {
  const world = createWorld(t);
  const closed = ['<&-', '>&-', '2>&-', '<&- >&-', '<&- 2>&-', '>&- 2>&-', '<&- >&- 2>&-'];
  for (const [n, redirections] of closed.entries()) {
    const wrap = sh(`exec "$@" ${redirections}`);
    const run = async (command: string, ...args: string[]) =>
      (await world.launch(command, [...args, `--state-path=${world.statePath}`], { wrap }).ended).code;
    const { sha256 } = world.drop(`${n}.csv`, 100 + n);
    assert.equal(await run('ingest', '--once', ...folders(world)), 0, redirections);
    assert.equal(world.manifest().at(-1)?.record?.sha256, sha256, redirections);
    const code = /(^| )>&-/.test(redirections) ? 3 : 0;
    for (const command of ['ingest', 'ingest-ctl', 'queue-stat'])
      assert.equal((await world.launch(command, ['--help'], { wrap }).ended).code, code, `${command} ${redirections}`);
    assert.equal(await run('ingest', '--dry-run', ...folders(world)), code, redirections);
    assert.equal(await run('ingest-ctl', 'audit', '--hash'), code, redirections);
    assert.equal(await run('ingest-ctl', 'backup', `${world.root}/${n}.db`), code, redirections);
    assert.equal(await run('queue-stat', '--json'), code, redirections);
  }
  for (const state of [world.statePath, ...closed.map((_, n) => `${world.root}/${n}.db`)])
    assert.equal(integrityOf(state), 'ok', state);
  world.check();
});

test('a command that needs a temporary directory says where it looked for one', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const env = { TMPDIR: `${world.root}/none` };
  const { code, stderr } = await world.run('ingest', ['--dry-run'], { env });
  assert.equal(code, 3, stderr);
  assert.match(stderr, /^ingest: temporary files lie in \S+\/none, which cannot be used \(ENOENT\); set TMPDIR to /m);
});
