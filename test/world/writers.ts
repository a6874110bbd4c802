/**
 * Writers in C that race with a process that takes their files away, compiled if gcc is available. `late`: renames a
 * file into place while it is still open (or mapped), and continues to write for some ms. `loop`: two of them append
 * their own lines to a moving set of files, with an open and a close around each, as fast as they can.
 * Guarantees: their last line on stdout says what they did; that of `loop` also says how many of its opens failed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static uint64_t state;
static unsigned dice(unsigned sides) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(state >> 33) % sides;
}
static void fail(const char *what) { perror(what); exit(1); }

enum { SIZE = 8192 };

/* Prints NAME FNV of what each file held in the end. */
static void late(int mapped, int count) {
  for (int i = 0; i < count; i++) {
    char hidden[64], name[64] = "";
    snprintf(hidden, sizeof hidden, ".%d.%d.tmp", mapped, i);
    snprintf(name, sizeof name, "%s%d.csv", mapped ? "map" : "write", i);
    int fd = open(hidden, O_RDWR | O_CREAT | O_EXCL, 0644);
    if (fd < 0) fail("open");
    char bytes[SIZE];
    for (int at = 0; at < SIZE; at++) bytes[at] = (char)dice(256);
    memcpy(bytes, name, 16);
    if (pwrite(fd, bytes, SIZE, 0) != SIZE) fail("pwrite");
    char *map = mapped ? mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : 0;
    if (mapped) {
      if (map == MAP_FAILED) fail("mmap");
      close(fd);
    }
    if (rename(hidden, name) < 0) fail("rename");
    int stores = 1 + dice(3);
    while (stores-- > 0) {
      usleep(dice(12000));
      int at = 16 + dice(SIZE - 16);
      bytes[at] ^= 1 + dice(255);
      if (mapped) map[at] = bytes[at];
      else if (pwrite(fd, bytes + at, 1, at) != 1) fail("pwrite");
    }
    if (mapped) munmap(map, SIZE);
    else close(fd);
    uint32_t fnv = 2166136261u;
    for (int at = 0; at < SIZE; at++) fnv = (fnv ^ (unsigned char)bytes[at]) * 16777619u;
    printf("%s %u\\n", name, fnv);
  }
}

static volatile sig_atomic_t over = 0;
static void end(int signal) { over = signal; }

/* Each line is 16 bytes: the writer's letter, a number, a newline. Ends by SIGTERM. Prints LETTER LINES FAILED SLOWEST_MS. */
static void loop(char letter, double begin) {
  signal(SIGTERM, end);
  long lines = 0, failed = 0;
  nice(10); /* on few cores the other side must get a turn, or it never seals */
  double slowest = 0;
  for (double t = now(); !over; t = now()) {
    /* A new name each 20 ms; one line in twenty goes to a name of the last five seconds, to young ones more often. */
    int newest = (int)((t - begin) * 50), number = newest - (dice(20) ? 0 : (int)dice(1 + dice(250)));
    char name[64], line[17];
    snprintf(name, sizeof name, "n%d.csv", number < 0 ? 0 : number);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
    double took = now() - t;
    if (took > slowest) slowest = took;
    if (fd < 0) { failed++; perror("open"); continue; }
    snprintf(line, sizeof line, "%c%014ld\\n", letter, lines);
    if (write(fd, line, 16) != 16) fail("write");
    close(fd);
    lines++;
  }
  printf("%c %ld %ld %.1f\\n", letter, lines, failed, slowest * 1e3);
}

/* late write|map COUNT SEED  or  loop LETTER SEED, in the working directory. */
int main(int argc, char **argv) {
  if (argc < 4) return 2;
  state = strtoull(argv[argc - 1], 0, 10);
  dice(2);
  if (!strcmp(argv[1], "late")) late(!strcmp(argv[2], "map"), atoi(argv[3]));
  else loop(argv[2][0], now());
  return 0;
}
`;

/** Returns the program's path, or undefined if there is no gcc. */
export function compileWriters(directory: string): string | undefined {
  const program = join(directory, 'writers');
  writeFileSync(`${program}.c`, SOURCE);
  const made = spawnSync('gcc', ['-O1', '-Wall', '-o', program, `${program}.c`]);
  if (made.error) return undefined;
  assert.equal(made.status, 0, String(made.stderr));
  return program;
}

/** For a file that `late` left, as it prints it. */
export function fnv(bytes: Buffer): number {
  let sum = 2_166_136_261;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 16_777_619) >>> 0;
  return sum;
}
