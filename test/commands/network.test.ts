/** A state on a network filesystem is refused: a preloaded statfs(2) answers as NFS does, for one folder. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorld } from '../world/world.js';

const NFS_SUPER_MAGIC = '0x6969';
const STATFS = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
int statfs(const char *path, struct statfs *to) {
  int (*real)(const char *, struct statfs *) = dlsym(RTLD_NEXT, "statfs");
  int answer = real(path, to);
  if (answer == 0 && strncmp(path, getenv("REMOTE"), strlen(getenv("REMOTE"))) == 0) to->f_type = ${NFS_SUPER_MAGIC};
  return answer;
}
int statfs64(const char *path, struct statfs64 *to) { return statfs(path, (struct statfs *)to); }
`;

test('a state on NFS is refused by every command with exit code 3, before anything is made', async (t) => {
  if (spawnSync('gcc', ['--version']).error) {
    t.skip('no gcc: the refusal of a state on a network filesystem was not tested');
    return;
  }
  const world = createWorld(t);
  const [source, library, remote] = ['statfs.c', 'statfs.so', 'remote'].map((name) => join(world.root, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, STATFS);
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
  mkdirSync(remote);
  const env = { LD_PRELOAD: library, REMOTE: remote };
  const state = ['--state-path', join(remote, 'below', 'state.db')];
  const folders = world.flags('ingest').filter((flag) => !flag.startsWith('--state-path'));
  for (const [command, args] of [
    ['ingest', folders],
    ['ingest-producer', folders],
    ['ingest-worker', []],
  ] as const) {
    const { code, stderr } = await world.launch(command, [...args, ...state], { env }).ended;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /--state-path must be on a local filesystem, but .+ is on nfs/);
  }
  assert.equal(existsSync(join(remote, 'below')), false);
  writeFileSync(join(remote, 'state.db'), '');
  const stat = await world.launch('queue-stat', ['--state-path', join(remote, 'state.db')], { env }).ended;
  assert.equal(stat.code, 3);
  assert.match(stat.stderr, /is on nfs/);
});
