/*
 * One writer of racing files: `KIND COUNT SEED`, in the working directory. Each kind goes on with its file when others may
 * take it: after the rename into place through write or a mapping, over two renames, by opening it again to append or to cut;
 * `knock` writes nothing more, and opens its whole file for writing again and again until it is sealed.
 * Guarantees: every call that fails is told; what each file held in the end is told before the next is begun:
 * `whole NAME FNV`, `version NAME FNV LAST`, `lines NAME COUNT`, `failed NAME CALL ERRNO`, and as the last line
 * `opens COUNT SLOWEST_MS WAITED SLOWEST_WAITED_MS CREATED SLOWEST_CREATED_MS KNOCKS GONE OVER_10_MS`; one that waited slept
 * inside the call, others were at most kept from their processor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Short: about what it takes to come to a seal on an idle machine; long, for some of each kind: on one that has other work. */
enum { SIZE = 8192, LINE = 32, SHORT_US = 12000, LONG_US = 800000, LONGS = 8, OVER_MS = 10, KNOCK_MS = 80, KNOCK_US = 60 };
static uint64_t state;
static char name[24], bytes[SIZE];
static int count, opens, over, waits, creates, knocks, gone;
static double slowest_open, slowest_wait, slowest_create;

static unsigned dice(unsigned sides) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(state >> 33) % sides;
}
static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static void failed(const char *call) {
  printf("failed %s %s %s\n", name, call, strerrorname_np(errno));
}
static uint32_t fnv(const char *from, int count) {
  uint32_t sum = 2166136261u;
  for (int at = 0; at < count; at++) sum = (sum ^ (unsigned char)from[at]) * 16777619u;
  return sum;
}

/* Timed apart: a new or emptied file may wait for the filesystem's journal, any other one for nobody but a lease. */
static long sleeps(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nvcsw;
}
static int timed(const char *path, int flags, int there) {
  long slept = sleeps();
  double began = now_ms();
  int fd = open(path, flags, 0644);
  double took = now_ms() - began;
  slept = sleeps() - slept;
  if (there && !(flags & O_TRUNC)) {
    opens++;
    over += took > OVER_MS;
    if (took > slowest_open) slowest_open = took;
    if (slept > 0) waits++;
    if (slept > 0 && took > slowest_wait) slowest_wait = took;
  } else {
    creates++;
    if (took > slowest_create) slowest_create = took;
  }
  return fd;
}
static int opened(const char *path, int flags) {
  int fd = timed(path, flags, !access(path, F_OK));
  if (fd < 0) failed("open");
  return fd;
}
static void put(int fd, const char *from, int count, off_t at) {
  if (pwrite(fd, from, count, at) != count) failed("pwrite");
}
static void closed(int fd) {
  if (close(fd) < 0) failed("close");
}
/* Bytes that no other file has, and no other version of this one. */
static int compose(const char *kind, int file, int version, int size) {
  for (int at = 0; at < size; at++) bytes[at] = (char)dice(256);
  int head = snprintf(bytes, LINE, "%s%06d.%04d", kind, file, version);
  bytes[head] = '\n';
  return size;
}

/* Open from before its name is seen until its last byte: one version, and just this one. */
static void held(const char *kind, int file) {
  char hidden[80], first[80];
  snprintf(hidden, sizeof hidden, ".%s.tmp", name);
  snprintf(first, sizeof first, "early-%s", name);
  int twice = !strcmp(kind, "rename"), mapped = !strcmp(kind, "map");
  compose(kind, file, 0, SIZE);
  int fd = opened(hidden, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) return;
  put(fd, bytes, SIZE, 0);
  char *map = mapped ? mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : 0;
  if (map == MAP_FAILED) { failed("mmap"); return; }
  if (mapped) closed(fd);
  if (rename(hidden, twice ? first : name) < 0) failed("rename");
  int is_long = file % (count / LONGS + 1) == 0;
  for (int stores = is_long ? 1 : 1 + dice(3), n = 0; n < stores; n++) {
    usleep(is_long ? LONG_US / 2 + dice(LONG_US / 2) : dice(SHORT_US));
    if (twice && n == 0 && rename(first, name) < 0) failed("rename again");
    int at = LINE + dice(SIZE - LINE);
    bytes[at] ^= 1 + dice(255);
    if (mapped) map[at] = bytes[at];
    else put(fd, bytes + at, 1, at);
  }
  if (mapped) munmap(map, SIZE);
  else closed(fd);
  printf("whole %s %u\n", name, fnv(bytes, SIZE));
}

/* Lines of their own length, each with an open and a close around it. */
static void append(int file) {
  int lines = 3 + dice(4);
  for (int n = 0; n < lines; n++) {
    char line[128];
    snprintf(line, sizeof line, "%s %0*d\n", name, LINE - 2 - (int)strlen(name), n);
    int fd = opened(name, O_WRONLY | O_CREAT | O_APPEND);
    if (fd < 0) continue;
    if (write(fd, line, LINE) != LINE) failed("write");
    if (dice(2)) usleep(dice(3000));
    closed(fd);
    usleep(dice(6000));
  }
  printf("lines %s %d\n", name, lines);
}

/* Each version takes the place of the one before, where that one is still there. */
static void cut(int file) {
  int versions = 2 + dice(4);
  for (int n = 0; n < versions; n++) {
    int size = compose("truncate", file, n, LINE + dice(SIZE - LINE)), at_once = dice(2);
    int fd = opened(name, O_RDWR | O_CREAT | (at_once ? O_TRUNC : 0));
    if (fd < 0) continue;
    if (dice(2)) usleep(dice(3000));
    if (!at_once && ftruncate(fd, 0) < 0) failed("ftruncate");
    put(fd, bytes, size, 0);
    closed(fd);
    printf("version %s %u %d\n", name, fnv(bytes, size), n == versions - 1);
    usleep(dice(6000));
  }
}

/* Whole and closed: whoever opens it now meets the probes before its seal, until that takes the name away, or for a while. */
static void knock(int file) {
  char hidden[80];
  snprintf(hidden, sizeof hidden, ".%s.tmp", name);
  compose("knock", file, 0, SIZE);
  int fd = opened(hidden, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) return;
  put(fd, bytes, SIZE, 0);
  closed(fd);
  if (rename(hidden, name) < 0) failed("rename");
  for (double end = now_ms() + KNOCK_MS; now_ms() < end;) {
    fd = timed(name, O_WRONLY, 1);
    if (fd < 0 && errno == ENOENT) { gone++; break; }
    if (fd < 0) { failed("open"); break; }
    knocks++;
    closed(fd);
    usleep(dice(KNOCK_US));
  }
  printf("whole %s %u\n", name, fnv(bytes, SIZE));
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const char *kind = argv[1];
  count = atoi(argv[2]);
  state = strtoull(argv[3], 0, 10) * 1000003 + kind[0];
  dice(2);
  prctl(PR_SET_TIMERSLACK, 1ul);
  for (int file = 0; file < count; file++) {
    snprintf(name, sizeof name, "%s%06d.csv", kind, file);
    if (!strcmp(kind, "append")) append(file);
    else if (!strcmp(kind, "truncate")) cut(file);
    else if (!strcmp(kind, "knock")) knock(file);
    else held(kind, file);
  }
  printf("opens %d %.2f %d %.2f %d %.2f %d %d %d\n", opens, slowest_open, waits, slowest_wait, creates, slowest_create, knocks, gone, over);
  return 0;
}
