/**
 * A preloaded library must see our calls: fault injection and faketime depend on it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertSucceeded, directoryFor, runNode } from './support.js';

const FAULTS = `
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
int renameat2(int a, const char *b, int c, const char *d, unsigned e) { errno = EDQUOT; return -1; }
int inotify_add_watch(int a, const char *b, unsigned c) { errno = ENOSPC; return -1; }
int syncfs(int fd) {
  if (getenv("SLOW")) return sleep(1), 0;
  errno = EIO;
  return -1;
}
`;

function faultLibrary(t: TestContext): string | undefined {
  const path = directoryFor(t);
  writeFileSync(join(path, 'fault.c'), FAULTS);
  const made = spawnSync('gcc', ['-shared', '-fPIC', '-o', join(path, 'fault.so'), join(path, 'fault.c')]);
  if (made.error) {
    t.skip('no gcc: whether a preloaded library sees our calls was not tested');
    return undefined;
  }
  assert.equal(made.status, 0, String(made.stderr));
  return join(path, 'fault.so');
}

const PRINTED = `const printed = (e) => process.stdout.write(JSON.stringify({ code: e.code, errno: e.errno, call: e.call, message: e.message }));`;

test('a preloaded renameat2 is called, and its errno is reported', async (t) => {
  const library = faultLibrary(t);
  if (library === undefined) return;
  const source = `${PRINTED} const n = linux.nameOfText;
    try { linux.renameNoReplace(linux.AT_FDCWD, n('a'), linux.AT_FDCWD, n('b')); } catch (e) { printed(e); }`;
  const result = await runNode(t, source, { env: { LD_PRELOAD: library } });
  assertSucceeded(result);
  const { message, ...told } = JSON.parse(result.stdout);
  assert.deepEqual(told, { code: 'EDQUOT', errno: 122, call: 'renameat2' });
});

test('the limit of watches is a typed error that names the limit', async (t) => {
  const library = faultLibrary(t);
  if (library === undefined) return;
  const source = `${PRINTED} const i = new linux.Inotify(() => {});
    try { i.addWatch({ path: '/tmp', watch_for: linux.IN_CREATE }); } catch (e) { printed(e); }
    i.close();`;
  const result = await runNode(t, source, { env: { LD_PRELOAD: library } });
  assertSucceeded(result);
  const told = JSON.parse(result.stdout);
  assert.equal(told.code, 'ENOSPC');
  assert.equal(told.call, 'inotify_add_watch');
  assert.match(told.message, /max_user_watches/);
});

test('an error of syncfs comes over from the thread that called it', async (t) => {
  const library = faultLibrary(t);
  if (library === undefined) return;
  const source = `${PRINTED} await linux.syncFs(linux.openDirectory(linux.AT_FDCWD, linux.nameOfText('/tmp'))).catch(printed);`;
  const result = await runNode(t, source, { env: { LD_PRELOAD: library } });
  assertSucceeded(result);
  assert.equal(JSON.parse(result.stdout).code, 'EIO');
});

test('a process.exit in the middle of syncFs ends once the calls under way have', async (t) => {
  const library = faultLibrary(t);
  if (library === undefined) return;
  const source = `const fd = linux.openDirectory(linux.AT_FDCWD, linux.nameOfText('/tmp'));
    for (let calls = 0; calls < 10; calls++) linux.syncFs(fd);
    setTimeout(() => process.exit(7), 50);`;
  const { code, signal, stderr } = await runNode(t, source, { env: { LD_PRELOAD: library, SLOW: '1' } });
  assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
});
