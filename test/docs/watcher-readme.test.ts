/** The two programs of the README of the watcher's package, out of its own text, on a package as npm installs it. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { ordinaryUser, skipUnlessReachable, type User } from '../world/users.js';
import { until } from '../world/waiting.js';
import { blocksOf } from './documents.js';

const [SYNC, MIRROR, ...MORE] = blocksOf('ops/artefacts/watcher-readme.md').filter(({ language }) => language === 'js');
const { watcherTree } = (await import(join(PACKAGE, 'ops/artefacts/trees.mjs'))) as {
  watcherTree(tree: string): unknown;
};

/** An empty project with the package, and the folders `from` and `to/copy`. */
class Project {
  readonly base = mkdtempSync(join(tmpdir(), 'watcher-readme-'));
  output = '';
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined;

  constructor(t: TestContext) {
    t.after(() => {
      this.#child?.kill('SIGKILL');
      rmSync(this.base, { recursive: true, force: true });
    });
    watcherTree(this.at('node_modules/atomic-ingestor-watcher'));
    for (const name of ['better-sqlite3', 'koffi', 'picomatch', '@koromix'])
      symlinkSync(join(PACKAGE, 'node_modules', name), this.at(`node_modules/${name}`));
    writeFileSync(this.at('sync.mjs'), SYNC!.text);
    writeFileSync(this.at('mirror.mjs'), MIRROR!.text);
    for (const path of ['from', 'to/copy']) mkdirSync(this.at(path), { recursive: true });
  }

  at(path: string): string {
    return join(this.base, path);
  }

  async sync(user?: User): Promise<void> {
    this.output = '';
    const child = spawn(process.execPath, ['sync.mjs', 'from', 'to/copy'], {
      cwd: this.base,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...user,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    await until(`from is watched: ${this.output}`, () => this.output.includes('is watched'));
  }

  /** A start that is refused. */
  refused(...words: string[]): void {
    const { status, stderr } = spawnSync(process.execPath, ['sync.mjs', ...words], {
      cwd: this.base,
      encoding: 'utf8',
    });
    assert.deepEqual([status, /^usage: node sync\.mjs FROM TO\./.test(stderr)], [2, true], `${words}: ${stderr}`);
  }

  /** The exit code; without a signal it is the program that ends. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    if (signal !== undefined) child.kill(signal);
    const [code] = await ended;
    return code as number | null;
  }

  isCopy(copy = 'to/copy'): boolean {
    const options = ['-r', '--no-dereference', '--exclude=.sync-*', '--exclude=.ingest-replicate'];
    return spawnSync('diff', [...options, this.at('from'), this.at(copy)]).status === 0;
  }
}

test('the README has these two programs', () => {
  assert.ok(SYNC?.text.includes('createWatcher(') && MIRROR?.text.includes('replicate('));
  assert.deepEqual(MORE, []);
});

test('the sync tool: what is there, what changes, symlinks, other kinds, and what changed while it did not run', async (t) => {
  const project = new Project(t);
  writeFileSync(project.at('from/before'), 'before');
  symlinkSync('before', project.at('from/link'));
  await project.sync();
  await until('the first copy', () => project.isCopy());
  mkdirSync(project.at('from/sub'));
  writeFileSync(project.at('from/sub/new'), 'new');
  await until('the copy of a new folder', () => project.isCopy());
  renameSync(project.at('from/sub'), project.at('from/moved'));
  rmSync(project.at('from/link'));
  mkdirSync(project.at('from/link'));
  rmSync(project.at('from/before'));
  symlinkSync('moved', project.at('from/before'));
  await until('the copy after renames and other kinds', () => project.isCopy());
  assert.equal(await project.end('SIGINT'), 0, project.output);

  writeFileSync(project.at('from/meanwhile'), 'meanwhile');
  rmSync(project.at('from/moved'), { recursive: true });
  await project.sync();
  await until('the copy after the second start', () => project.isCopy());
  assert.doesNotMatch(project.output, /link/, 'what did not change is not copied again');
  spawnSync('mkfifo', [project.at('from/fifo')]);
  writeFileSync(project.at('from/last'), 'last');
  await until('what came after the fifo', () => project.output.includes('put last'));
  assert.doesNotMatch(project.output, /fifo/, 'what is not copied is not printed');
  assert.equal(await project.end('SIGINT'), 0, project.output);
});

test('the sync tool refuses a file, and a directory that is the other one or lies in it', (t) => {
  const project = new Project(t);
  writeFileSync(project.at('to/copy/kept'), 'kept');
  writeFileSync(project.at('file'), 'file');
  mkdirSync(project.at('from/sub'));
  symlinkSync(project.at('from/sub'), project.at('way'));
  for (const words of [
    [],
    ['from'],
    ['file', 'to/copy'],
    ['from', 'from'],
    ['from', 'from/sub'],
    ['from', 'way'],
    ['from/sub', 'from'],
    ['/', 'to/copy'],
  ])
    project.refused(...words);
  assert.deepEqual([readdirSync(project.at('to/copy')), readdirSync(project.at('from'))], [['kept'], ['sub']]);
});

test('the sync tool names a file that it may not read, goes on, and copies it after its next change', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'a file that may not be read was not tested')) return;
  const project = new Project(t);
  const secret = project.at('from/secret');
  writeFileSync(secret, 'secret');
  spawnSync('chown', ['-R', `${ordinaryUser.uid}:${ordinaryUser.gid}`, project.base]);
  chmodSync(secret, 0o000);
  await project.sync(ordinaryUser);
  await until('it to be named', () => project.output.includes('not copied: EACCES'));
  assert.match(project.output, /EACCES: .*from\/secret'/);
  writeFileSync(project.at('from/after'), 'after');
  await until('a later file', () => project.output.includes('put after'));
  assert.equal(await project.end('SIGINT'), 0, project.output);
  await project.sync(ordinaryUser);
  chmodSync(secret, 0o644);
  appendFileSync(secret, ' more');
  await until('the whole copy', () => project.isCopy());
});

test('the sync tool ends with an error if its destination goes, and copies all at the next start', async (t) => {
  const project = new Project(t);
  writeFileSync(project.at('from/kept'), 'kept');
  await project.sync();
  await until('the first copy', () => project.isCopy());
  rmSync(project.at('to'), { recursive: true });
  writeFileSync(project.at('from/more'), 'more');
  assert.equal(await project.end(), 1);
  assert.match(project.output, /ENOENT: no such file or directory, stat '.*to\/copy'/);
  mkdirSync(project.at('to/copy'), { recursive: true });
  await project.sync();
  await until('the whole copy', () => project.isCopy());
});

test('the mirror copies everything and ends', (t) => {
  const project = new Project(t);
  mkdirSync(project.at('copy'));
  writeFileSync(project.at('from/a'), readFileSync(project.at('sync.mjs')));
  symlinkSync('a', project.at('from/link'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['mirror.mjs', 'from', 'copy'], {
    cwd: project.base,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, ''], stdout);
  assert.match(stdout, /^\d copied\n$/);
  assert.ok(project.isCopy('copy'));
});
