/*
 * Upstream writers that race with whoever takes their files away.
 * `late HOW COUNT SEED`: renames each file into place while it is still open, and goes on for some ms: by write, through a
 * mapping, by O_APPEND, by truncate. Prints NAME FNV of what each held in the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 8192, MOST = 3 * SIZE };

static uint64_t state;
static unsigned dice(unsigned sides) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(state >> 33) % sides;
}
static void fail(const char *what) { perror(what); exit(1); }

static char bytes[MOST];
static int length;

static void fill(int from, int to) {
  for (int at = from; at < to; at++) bytes[at] = (char)dice(256);
}
/* One more change; `bytes` and `length` follow. */
static void change(char how, int fd, char *map) {
  int at = 16 + dice(length - 16), many = 1 + dice(64);
  if (how == 'a') {
    fill(length, length + many);
    if (write(fd, bytes + length, many) != many) fail("append");
    length += many;
  } else if (how == 't') {
    if (ftruncate(fd, at)) fail("ftruncate");
    fill(at, at + many);
    if (pwrite(fd, bytes + at, many, at) != many) fail("pwrite");
    length = at + many;
  } else {
    bytes[at] ^= 1 + dice(255);
    if (how == 'm') map[at] = bytes[at];
    else if (pwrite(fd, bytes + at, 1, at) != 1) fail("pwrite");
  }
}
static void late(const char *how, int count) {
  for (int i = 0; i < count; i++) {
    char hidden[64], name[64] = "";
    snprintf(hidden, sizeof hidden, ".%s.%d.tmp", how, i);
    snprintf(name, sizeof name, "%s%d.csv", how, i);
    int fd = open(hidden, O_RDWR | O_CREAT | O_EXCL | (*how == 'a' ? O_APPEND : 0), 0644);
    if (fd < 0) fail("open");
    length = SIZE;
    fill(0, length);
    memcpy(bytes, name, 16);
    if (write(fd, bytes, length) != length) fail("write");
    char *map = *how == 'm' ? mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : 0;
    if (map == MAP_FAILED) fail("mmap");
    if (map) close(fd);
    if (rename(hidden, name)) fail("rename");
    for (int stores = 1 + dice(3); stores > 0; stores--) {
      usleep(dice(dice(4) ? 12000 : 100000));
      change(*how, fd, map);
    }
    if (map) munmap(map, SIZE);
    else close(fd);
    uint32_t fnv = 2166136261u;
    for (int at = 0; at < length; at++) fnv = (fnv ^ (unsigned char)bytes[at]) * 16777619u;
    printf("%s %u\n", name, fnv);
  }
}
int main(int argc, char **argv) {
  if (argc != 5 || strcmp(argv[1], "late")) return 2;
  state = strtoull(argv[4], 0, 10);
  dice(2);
  late(argv[2], atoi(argv[3]));
  return 0;
}
