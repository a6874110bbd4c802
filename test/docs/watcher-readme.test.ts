/** The two programs of the README of the watcher's package, out of its own text, on a package as npm installs it. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { blocksOf } from './documents.js';

const [SYNC, MIRROR, ...MORE] = blocksOf('ops/artefacts/watcher-readme.md').filter(({ language }) => language === 'js');
const { watcherTree } = (await import(join(PACKAGE, 'ops/artefacts/trees.mjs'))) as {
  watcherTree(tree: string): unknown;
};

/** An empty project with the package and the folder `from`. */
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
    mkdirSync(this.at('from'));
  }

  at(path: string): string {
    return join(this.base, path);
  }

  async sync(): Promise<void> {
    this.output = '';
    const child = spawn(process.execPath, ['sync.mjs', 'from', 'to/copy'], {
      cwd: this.base,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    await until(`from is watched: ${this.output}`, () => this.output.includes('is watched'));
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
  await until('the fifo to be reported', () => project.output.includes('put fifo'));
  assert.equal(await project.end('SIGINT'), 0, project.output);
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
