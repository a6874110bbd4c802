/**
 * Kills a worker at a chosen point: while it writes a manifest (between the commit of the intent and its confirmation),
 * around the rename of a file into the warehouse or of a seal (of the file, not of the sidecar), or before a private
 * copy gets its name.
 * Or before or after a published file is renamed into a folder just made, or after it is removed there (`gone`, `unlinked`).
 * Or makes the removal of published files fail by their names (`refuses`): read (EIO), set aside (EBUSY), removed there (EUCLEAN).
 * Or makes a call hang until another point is armed: the rename into the warehouse (`hangs`; `hangs_at_one`: only of a
 * file named `hanging`), or the reading of a file named `hanging` (`hangs_reading`). Or the rename into the warehouse is
 * done, and then hangs and fails, as on a mount that loses the answer of its server (`unanswered`). A preloaded library
 * wraps pwrite, pread, fdatasync, statfs, unlinkat and renameat2.
 * Guarantees: the library kills as often as it is armed for, and then lets every call pass. The kills are counted over
 * all processes.
 * Does not: affect anything except manifest.jsonl and partitions; the state's files are not touched.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Between intent and confirmation. `half_written`: a line torn in the middle. */
export const APPEND_POINTS = ['before_write', 'half_written', 'written', 'before_sync', 'synced'] as const;
const POINTS = [
  ...APPEND_POINTS,
  'before_move',
  'moved',
  'before_seal',
  'sealed',
  'before_copied',
  'hangs',
  'hangs_reading',
  'hangs_at_one',
  'before_gone',
  'gone',
  'unlinked',
  'unanswered',
  'refuses',
] as const;
export type Point = (typeof POINTS)[number];

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* armed point, kills left, kills made, calls seen, whether the parent dies too */
static volatile int *control;

__attribute__((constructor)) static void begin(void) {
  int fd = open(getenv("FAULTS"), O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  control = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
}
static const char *path_of(int fd) {
  static __thread char path[4096];
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  path[n < 0 ? 0 : n] = 0;
  return path;
}
static int is_manifest(int fd) {
  const char *path = path_of(fd);
  size_t n = strlen(path);
  return n > 15 && strcmp(path + n - 15, "/manifest.jsonl") == 0;
}
static int dies(int point) {
  return control[0] == point && __sync_fetch_and_sub(&control[1], 1) > 0;
}
static void die(void) {
  __sync_fetch_and_add(&control[2], 1);
  if (control[4]) kill(getppid(), SIGKILL);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
  if (!is_manifest(fd)) return real(fd, bytes, count, at);
  __sync_fetch_and_add(&control[3], 1);
  if (dies(1)) die();
  if (control[0] == 2 && control[1] > 0) {
    real(fd, bytes, count / 2, at);
    if (dies(2)) die();
  }
  ssize_t n = real(fd, bytes, count, at);
  if (dies(3)) die();
  return n;
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }
int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  if (!is_manifest(fd)) return real(fd);
  __sync_fetch_and_add(&control[3], 1);
  if (dies(4)) die();
  int n = real(fd);
  if (dies(5)) die();
  return n;
}
/* The text after the 26 characters of a job's id says which of its files it is. */
static int rename_point(const char *folder, const char *new_name) {
  if (strstr(folder, "/gone.")) return 14;
  if (strstr(folder, "/ingest_date=")) return 6;
  size_t n = strlen(folder);
  if (n < 13 || strcmp(folder + n - 13, "/underprocess") || strlen(new_name) < 27) return 0;
  return new_name[26] == '~' ? 8 : strncmp(new_name + 26, ".copy~", 6) == 0 ? 10 : 0;
}
/* a mount whose server is gone: who calls waits, killably */
static void hang(void) {
  int point = control[0];
  __sync_fetch_and_add(&control[2], 1);
  while (control[0] == point) usleep(10000);
}
static int refuse(int error) {
  __sync_fetch_and_add(&control[3], 1);
  errno = error;
  return -1;
}
ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
  static ssize_t (*real)(int, void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pread64");
  if (control[0] == 12 && strstr(path_of(fd), "hanging")) hang();
  if (control[0] == 18 && strstr(path_of(fd), "/gone.") && strstr(path_of(fd), "unreadable")) return refuse(EIO);
  return real(fd, bytes, count, at);
}
ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return pread64(fd, bytes, count, at); }
int statfs(const char *path, void *into) {
  static int (*real)(const char *, void *);
  if (!real) real = dlsym(RTLD_NEXT, "statfs");
  /* libselinux asks before the constructor has run. */
  if (control && control[0] == 11 && strstr(path, "/warehouse")) hang();
  return real(path, into);
}
int statfs64(const char *path, void *into) { return statfs(path, into); }
int unlinkat(int dir, const char *name, int flags) {
  static int (*real)(int, const char *, int);
  if (!real) real = dlsym(RTLD_NEXT, "unlinkat");
  int is_gone = !flags && strstr(path_of(dir), "/gone.") != 0;
  if (control[0] == 18 && is_gone && strstr(name, "unremovable")) return refuse(EUCLEAN);
  int n = real(dir, name, flags);
  if (is_gone && n == 0 && dies(16)) die();
  return n;
}
int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
  static int (*real)(int, const char *, int, const char *, unsigned);
  if (!real) real = dlsym(RTLD_NEXT, "renameat2");
  int point = rename_point(path_of(to), new_name);
  if (!point) return real(from, name, to, new_name, flags);
  __sync_fetch_and_add(&control[3], 1);
  if (dies(point)) die();
  if (control[0] == 18 && point == 14 && strstr(name, "busy")) return refuse(EBUSY);
  if (point == 6 && (control[0] == 11 || (control[0] == 13 && strstr(new_name, "hanging")))) hang();
  int n = real(from, name, to, new_name, flags);
  if (n == 0 && point == 6 && control[0] == 17) {
    hang();
    errno = ETIMEDOUT;
    return -1;
  }
  if (n == 0 && point != 10 && dies(point + 1)) die();
  return n;
}
`;

export interface Faults {
  env: NodeJS.ProcessEnv;
  arm(point: Point, kills: number): void;
  /** One kill, which includes the parent: no process continues with what is left. */
  armForAll(point: Point): void;
  kills(): number;
  /** The number of wrapped calls in all processes; if it is 0, the test tests nothing. */
  calls(): number;
}

/** Undefined if there is no gcc. */
export function faultsIn(folder: string): Faults | undefined {
  const [source, library, control] = ['faults.c', 'faults.so', 'faults'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, SOURCE);
  const made = spawnSync('gcc', ['-O1', '-shared', '-fPIC', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  if (made.error) return undefined;
  assert.equal(made.status, 0, made.stderr);
  writeFileSync(control, Buffer.alloc(4096));

  const numbers = (write?: Int32Array): Int32Array => {
    const fd = openSync(control, 'r+');
    try {
      if (write) writeSync(fd, write, 0, write.byteLength, 0);
      const read = new Int32Array(5);
      readSync(fd, read, 0, read.byteLength, 0);
      return read;
    } finally {
      closeSync(fd);
    }
  };
  return {
    env: { LD_PRELOAD: library, FAULTS: control },
    arm: (point, kills) => void numbers(Int32Array.of(POINTS.indexOf(point) + 1, kills)),
    armForAll: (point) => void numbers(Int32Array.of(POINTS.indexOf(point) + 1, 1, 0, 0, 1)),
    kills: () => numbers()[2]!,
    calls: () => numbers()[3]!,
  };
}
