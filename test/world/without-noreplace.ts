/**
 * A library that is preloaded into the product's programs: their filesystems then know no RENAME_NOREPLACE, as FUSE, NFS and older
 * ZFS do. With `WITHOUT_LINKS` set they know no hard links either.
 * Does not: change anything for the processes of the test itself.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
  static int (*real)(int, const char *, int, const char *, unsigned);
  if (!real) real = dlsym(RTLD_NEXT, "renameat2");
  if (!flags) return real(from, name, to, new_name, flags);
  errno = EINVAL;
  return -1;
}
int linkat(int from, const char *name, int to, const char *new_name, int flags) {
  static int (*real)(int, const char *, int, const char *, int);
  if (!real) real = dlsym(RTLD_NEXT, "linkat");
  if (!getenv("WITHOUT_LINKS")) return real(from, name, to, new_name, flags);
  errno = EPERM;
  return -1;
}
`;

/** Returns the path of the library; undefined where there is no gcc. */
export function withoutNoReplace(folder: string): string | undefined {
  const [source, library] = ['without-noreplace.c', 'without-noreplace.so'].map((name) => join(folder, name)) as [
    string,
    string,
  ];
  writeFileSync(source, SOURCE);
  const made = spawnSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  if (made.error) return undefined;
  assert.equal(made.status, 0, made.stderr);
  return library;
}
