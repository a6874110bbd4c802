/*
 * Counts every call that may change a file below the given roots, over all processes that share one control file, and at
 * the chosen call kills the process (before or after it) or fails it with an errno, once or from there on.
 * Guarantees: each counted call is written into a log (number, process, stage, call, path) before it is made.
 * Does not: see raw system calls, mappings or copy_file_range; read-only opens are not counted.
 * The boot clock and the wall clock can be moved: CLOCK_BOOTTIME, CLOCK_REALTIME and gettimeofday get an offset.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 8 << 20, RECORD = 1024, PATH = 484, LOG_AT = 8192, LOG_MAX = (BYTES - LOG_AT) / RECORD, LOST_MAX = 64 };
enum { NOTHING, KILL_BEFORE, KILL_AFTER, FAIL_ONCE, FAIL_ON };

struct control {
  int64_t enabled, calls, target, mode, error, hits, boot_ns, wall_ns, stage, renames, lies, lost;
  struct { int64_t dev, ino, written; } lost_files[LOST_MAX];
  char roots[1024]; /* each ended by a NUL, the last by two */
  /* Where set, only calls of this name about a path with these words in it count towards the target. */
  char only_call[24], only_path[104];
  int64_t matched;
};
struct record {
  int64_t number, pid, stage, failed;
  char call[24];
  char path[PATH];
  char from[PATH]; /* of a rename or link */
};
static volatile struct control *control;
static char *base;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("CRASH_CONTROL");
  int fd = name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) abort();
  base = mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) abort();
  control = (volatile struct control *)base;
  close(fd);
}

static void path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, size - 1);
  path[n < 0 ? 0 : n] = 0;
}
static int is_ours(const char *path) {
  for (const char *root = (const char *)control->roots; *root; root += strlen(root) + 1)
    if (!strncmp(path, root, strlen(root))) return 1;
  return 0;
}

/* What is to be done about this call. */
struct verdict { int counted, after, fails; int64_t number; };

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}
static struct verdict judge(const char *call, const char *path, const char *from) {
  struct verdict verdict = {0, 0, 0, 0};
  if (!control || !control->enabled || !is_ours(path)) return verdict;
  verdict.counted = 1;
  int64_t number = __sync_add_and_fetch(&control->calls, 1);
  verdict.number = number;
  if (number < LOG_MAX) {
    struct record *record = (struct record *)(base + LOG_AT + number * RECORD);
    record->pid = getpid();
    record->stage = control->stage;
    strncpy(record->call, call, sizeof record->call - 1);
    strncpy(record->path, path, sizeof record->path - 1);
    if (from) strncpy(record->from, from, sizeof record->from - 1);
    record->number = number;
  }
  if (*control->only_call) {
    if (strcmp(call, (const char *)control->only_call) || !strstr(path, (const char *)control->only_path)) return verdict;
    number = __sync_add_and_fetch(&control->matched, 1);
  }
  int mode = (int)control->mode;
  int hit = mode == FAIL_ON ? number >= control->target : number == control->target;
  if (mode == NOTHING || !hit) return verdict;
  __sync_add_and_fetch(&control->hits, 1);
  if (mode == KILL_BEFORE) die();
  verdict.after = mode == KILL_AFTER;
  verdict.fails = mode == FAIL_ONCE || mode == FAIL_ON;
  return verdict;
}
static void note_failed(int64_t number) {
  if (number > 0 && number < LOG_MAX) ((struct record *)(base + LOG_AT + number * RECORD))->failed = 1;
}
static struct verdict of_fd(const char *call, int fd) {
  char path[4096];
  int before = errno;
  if (!control || !control->enabled) return (struct verdict){0, 0, 0, 0};
  path_of(fd, path, sizeof path);
  errno = before;
  return judge(call, path, 0);
}
static void name_of(char *path, size_t size, int dir, const char *name) {
  if (*name == '/') { snprintf(path, size, "%s", name); return; }
  char parent[4096];
  if (dir == AT_FDCWD) { if (!getcwd(parent, sizeof parent)) *parent = 0; }
  else path_of(dir, parent, sizeof parent);
  snprintf(path, size, "%s/%s", parent, name);
}
static struct verdict of_name(const char *call, int dir, const char *name) {
  char path[8192];
  int before = errno;
  if (!control || !control->enabled) return (struct verdict){0, 0, 0, 0};
  name_of(path, sizeof path, dir, name);
  errno = before;
  return judge(call, path, 0);
}
static struct verdict of_names(const char *call, int dir, const char *name, int to, const char *new_name) {
  char path[8192], from[8192];
  int before = errno;
  if (!control || !control->enabled) return (struct verdict){0, 0, 0, 0};
  name_of(from, sizeof from, dir, name);
  name_of(path, sizeof path, to, new_name);
  errno = before;
  return judge(call, path, from);
}

/*
 * A file whose sync failed must be written again before a later sync may count. Not SQLite's WAL: a commit whose sync failed
 * is no commit there, and the sync before a checkpoint covers frames that each commit has synced already.
 */
static int is_wal(int fd) {
  char path[4096];
  path_of(fd, path, sizeof path);
  size_t n = strlen(path);
  return n > 4 && !strcmp(path + n - 4, "-wal");
}
static void note_written(int fd) {
  struct stat st;
  if (!control || !control->lost || fstat(fd, &st)) return;
  for (int i = 0; i < control->lost; i++)
    if (control->lost_files[i].ino == (int64_t)st.st_ino && control->lost_files[i].dev == (int64_t)st.st_dev)
      control->lost_files[i].written = 1;
}
static void note_synced(int fd, int failed) {
  struct stat st;
  if (!control || (!failed && !control->lost) || fstat(fd, &st) || !S_ISREG(st.st_mode) || is_wal(fd)) return;
  for (int i = 0; i < control->lost; i++) {
    if (control->lost_files[i].ino != (int64_t)st.st_ino || control->lost_files[i].dev != (int64_t)st.st_dev) continue;
    if (failed) control->lost_files[i].written = 0;
    else if (!control->lost_files[i].written) __sync_add_and_fetch(&control->lies, 1);
    else { control->lost_files[i].ino = 0; }
    return;
  }
  if (!failed || control->lost >= LOST_MAX) return;
  int64_t at = __sync_fetch_and_add(&control->lost, 1);
  control->lost_files[at].dev = (int64_t)st.st_dev;
  control->lost_files[at].ino = (int64_t)st.st_ino;
  control->lost_files[at].written = 0;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
#define FAIL(verdict) if (verdict.fails) { errno = (int)control->error; return -1; }
#define DONE(verdict, answer) { if (verdict.after) die(); return answer; }
#define CALL(type, verdict, expression) { \
  FAIL(verdict) type answer = (expression); int was = errno; \
  if (answer < 0) note_failed(verdict.number); \
  if (verdict.after) die(); \
  errno = was; return answer; }

#define WRITES(name, arguments, parameters, ...) \
  ssize_t name arguments { \
    REAL(ssize_t, name, __VA_ARGS__); \
    struct verdict verdict = of_fd(#name, fd); \
    FAIL(verdict) \
    ssize_t answer = real parameters; int was = errno; \
    if (answer > 0) note_written(fd); \
    if (verdict.after) die(); \
    errno = was; return answer; }
WRITES(write, (int fd, const void *bytes, size_t count), (fd, bytes, count), int, const void *, size_t)
WRITES(pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at), int, const void *, size_t, off_t)
WRITES(pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at), int, const void *, size_t, off64_t)
WRITES(writev, (int fd, const struct iovec *all, int count), (fd, all, count), int, const struct iovec *, int)
WRITES(pwritev, (int fd, const struct iovec *all, int count, off_t at), (fd, all, count, at), int, const struct iovec *, int, off_t)
WRITES(pwritev64, (int fd, const struct iovec *all, int count, off64_t at), (fd, all, count, at), int, const struct iovec *, int, off64_t)

#define SYNCS(name) \
  int name(int fd) { \
    REAL(int, name, int); \
    struct verdict verdict = of_fd(#name, fd); \
    if (verdict.fails) { note_synced(fd, 1); errno = (int)control->error; return -1; } \
    int answer = real(fd); int was = errno; \
    if (answer == 0 && verdict.counted) note_synced(fd, 0); \
    if (verdict.after) die(); \
    errno = was; return answer; }
SYNCS(fsync)
SYNCS(fdatasync)
SYNCS(syncfs)

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  struct verdict verdict = of_names("rename", AT_FDCWD, from, AT_FDCWD, to);
  CALL(int, verdict, real(from, to))
}
int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
  REAL(int, renameat2, int, const char *, int, const char *, unsigned);
  struct verdict verdict = of_names("renameat2", from, name, to, new_name);
  if (verdict.counted) __sync_add_and_fetch(&control->renames, 1);
  CALL(int, verdict, real(from, name, to, new_name, flags))
}
int renameat(int from, const char *name, int to, const char *new_name) {
  REAL(int, renameat, int, const char *, int, const char *);
  struct verdict verdict = of_names("renameat", from, name, to, new_name);
  if (verdict.counted) __sync_add_and_fetch(&control->renames, 1);
  CALL(int, verdict, real(from, name, to, new_name))
}
int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  struct verdict verdict = of_name("link", AT_FDCWD, to);
  CALL(int, verdict, real(from, to))
}
int linkat(int from, const char *name, int to, const char *new_name, int flags) {
  REAL(int, linkat, int, const char *, int, const char *, int);
  struct verdict verdict = of_names("linkat", from, name, to, new_name);
  CALL(int, verdict, real(from, name, to, new_name, flags))
}
int unlink(const char *name) {
  REAL(int, unlink, const char *);
  struct verdict verdict = of_name("unlink", AT_FDCWD, name);
  CALL(int, verdict, real(name))
}
int unlinkat(int dir, const char *name, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  struct verdict verdict = of_name("unlinkat", dir, name);
  CALL(int, verdict, real(dir, name, flags))
}
int mkdir(const char *name, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  struct verdict verdict = of_name("mkdir", AT_FDCWD, name);
  CALL(int, verdict, real(name, mode))
}
int mkdirat(int dir, const char *name, mode_t mode) {
  REAL(int, mkdirat, int, const char *, mode_t);
  struct verdict verdict = of_name("mkdirat", dir, name);
  CALL(int, verdict, real(dir, name, mode))
}
int ftruncate(int fd, off_t length) {
  REAL(int, ftruncate, int, off_t);
  struct verdict verdict = of_fd("ftruncate", fd);
  if (!verdict.fails) note_written(fd);
  CALL(int, verdict, real(fd, length))
}
int ftruncate64(int fd, off64_t length) {
  REAL(int, ftruncate64, int, off64_t);
  struct verdict verdict = of_fd("ftruncate64", fd);
  if (!verdict.fails) note_written(fd);
  CALL(int, verdict, real(fd, length))
}
int fallocate(int fd, int mode, off_t at, off_t length) {
  REAL(int, fallocate, int, int, off_t, off_t);
  struct verdict verdict = of_fd("fallocate", fd);
  CALL(int, verdict, real(fd, mode, at, length))
}

#define WRITABLE(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))
#define MODE(flags, mode) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
static const struct verdict none = {0, 0, 0, 0};

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    MODE(flags, mode) \
    REAL(int, name, const char *, int, ...); \
    struct verdict verdict = WRITABLE(flags) ? of_name("open", AT_FDCWD, path) : none; \
    CALL(int, verdict, real(path, flags, mode)) }
OPENS(open)
OPENS(open64)
#define OPENS_AT(name) \
  int name(int dir, const char *path, int flags, ...) { \
    MODE(flags, mode) \
    REAL(int, name, int, const char *, int, ...); \
    struct verdict verdict = WRITABLE(flags) ? of_name("openat", dir, path) : none; \
    CALL(int, verdict, real(dir, path, flags, mode)) }
OPENS_AT(openat)
OPENS_AT(openat64)

/* openat2 has no wrapper in glibc; everything else that goes through here passes unseen. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list rest;
  va_start(rest, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  struct verdict verdict = none;
  if (number == 437 && control && control->enabled) {
    uint64_t flags = *(uint64_t *)a[2];
    if (WRITABLE(flags)) verdict = of_name("openat2", (int)a[0], (const char *)a[1]);
  }
  CALL(long, verdict, real(number, a[0], a[1], a[2], a[3], a[4], a[5]))
}

static void move(struct timespec *t, int64_t ns) {
  int64_t all = t->tv_nsec + ns % 1000000000;
  t->tv_sec += ns / 1000000000 + all / 1000000000;
  t->tv_nsec = all % 1000000000;
}
int clock_gettime(clockid_t clock, struct timespec *into) {
  REAL(int, clock_gettime, clockid_t, struct timespec *);
  int answer = real(clock, into);
  if (control && clock == CLOCK_BOOTTIME) move(into, control->boot_ns);
  if (control && clock == CLOCK_REALTIME) move(into, control->wall_ns);
  return answer;
}
int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int answer = clock_gettime(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return answer;
}
