/** A child that never comes to a file, or through it: the reason is its own, in a sentence. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { processOf } from '../../../src/base/config/values/read-process.js';
import { ChainChild } from '../../../src/ingest/chains/child.js';
import { faultOf } from '../../../src/ingest/chains/fault.js';
import { temporary } from '../../process/temporary.js';
import { servedMount, unmount } from '../../world/mounts.js';
import { PACKAGE } from '../../world/program.js';
import { skipUnlessRoot } from '../../world/users.js';

function childWith(t: TestContext, module: string, more: object = {}): { path: string; child: ChainChild } {
  const directory = temporary(t);
  const path = join(directory, 'm.mjs');
  writeFileSync(path, module);
  const options = processOf(
    { format: 'csv', start: 'route', module: './m.mjs', ...more },
    '',
    join(directory, 'c.yaml'),
  );
  const child = new ChainChild({ feed: 'a', options, printed: () => {}, onEnd: () => {} });
  t.after(() => child.end());
  return { path, child };
}

test('a module that awaits for ever is given up after stuck-seconds', async (t) => {
  const { path, child } = childWith(t, 'await new Promise(() => {});', { 'stuck-seconds': 1 });
  assert.equal(await child.whyUnloadable, `while its module ${path} was loaded, its process did nothing for 1 seconds`);
  await child.over;
});

test('a module that kills its process names how', async (t) => {
  const { path, child } = childWith(t, 'process.kill(process.pid, "SIGTERM"); await new Promise(() => {});');
  assert.equal(await child.whyUnloadable, `while its module ${path} was loaded, its process was killed by SIGTERM`);
});

test('a child that ended while it waited for a file begins none', async (t) => {
  const { child } = childWith(t, 'export default () => ({ route() {} });');
  assert.equal(await child.whyUnloadable, undefined);
  child.end();
  await child.over;
  const end = await child.run({
    kind: 'file',
    job: 'A',
    path: '',
    name: '',
    size: 0,
    directory: '',
    claim: 1,
    minFreeBytes: 0,
  });
  assert.equal(end.kind, 'refused');
});

test('a child that was stopped, or waits for a disk, is no fault of the records', async (t) => {
  const module = 'export default () => ({ route() { process.kill(process.pid, "SIGSTOP"); } });';
  const { path, child } = childWith(t, module, { 'stuck-seconds': 4 });
  assert.equal(await child.whyUnloadable, undefined);
  const directory = dirname(path);
  writeFileSync(join(directory, 'a.csv'), 'k\n1\n');
  const file = { path: join(directory, 'a.csv'), name: 'a.csv', size: 4, directory, claim: 1, minFreeBytes: 0 };
  const end = await child.run({ kind: 'file', job: 'A', ...file });
  assert.match(end.kind === 'failed' ? end.reason : end.kind, /did nothing for 4 seconds, because .* it was stopped$/);
});

test('a child that hangs in the kernel is left there, and its file is not blamed', async (t) => {
  if (skipUnlessRoot(t, 'a child that no signal ends')) return;
  const folder = temporary(t);
  const [below, between, at] = ['below', 'between', 'at'].map((name) => join(folder, name)) as [string, string, string];
  mkdirSync(below);
  writeFileSync(join(below, 'rates.csv'), 'k\n1\n');
  // The upper server takes the request, and hangs below. A process whose request was taken waits for its answer, whatever comes.
  const server = await servedMount(below, between);
  if (!server || !(await servedMount(between, at)))
    return t.skip('no bindfs or no FUSE: a child that no signal ends was not tested');
  const module = `import { readFileSync } from 'node:fs';
    export default () => ({ route() { readFileSync(${JSON.stringify(join(at, 'rates.csv'))}); } });`;
  const { path, child } = childWith(t, module, { 'stuck-seconds': 4 });
  assert.equal(await child.whyUnloadable, undefined);
  const directory = dirname(path);
  writeFileSync(join(directory, 'a.csv'), 'k\n1\n');
  const file = { path: join(directory, 'a.csv'), name: 'a.csv', size: 4, directory, claim: 1, minFreeBytes: 0 };
  server.kill('SIGSTOP');
  try {
    const end = await child.run({ kind: 'file', job: 'A', ...file });
    assert.match(end.kind === 'failed' ? end.reason : end.kind, /^its process was killed and does not end/);
    await child.over;
  } finally {
    server.kill('SIGCONT');
    for (const place of [at, between]) unmount(place);
  }
});

test('a name of a column may be long, and the reason of a file is not', () => {
  const { reason } = faultOf({ kind: 'bad', job: 'A', code: 'header_differs', reason: 'x'.repeat(1 << 24) });
  assert.equal(reason.length, 1_000);
});

test('where no process can be started, the chain cannot be used', () => {
  const script = `
    import { openSync } from 'node:fs';
    import { ChainChild } from ${JSON.stringify(pathToFileURL(join(PACKAGE, 'dist/src/ingest/chains/child.js')).href)};
    try { for (;;) openSync('/dev/null'); } catch {}
    const options = { memoryBytes: 1 << 29, stuckSeconds: 60 };
    const child = new ChainChild({ feed: 'a', options, printed() {}, onEnd() {} });
    console.log(await child.whyUnloadable);`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync('/bin/sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...node], {
    encoding: 'utf8',
  });
  assert.match(stdout, /^no process could be started for it: .*EMFILE/, stderr);
});
