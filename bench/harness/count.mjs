/**
 * What a command asks of the kernel for each 1,000 files: system calls, syncs, SQLite write transactions.
 * How: traced runs with half and with all of the files; the difference, so that starting up is not counted. System calls are
 * counted by perf where it may (it slows nothing down), else by strace; the rest by a strace that stops at these calls only.
 * A write transaction is told by the lock that SQLite takes for it: byte 120 of the -shm file in WAL mode, the reserved
 * byte of the database otherwise. Whoever has no SQLite has none.
 * Never the timed run.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const WAL_WRITE_BYTE = 120;
const RESERVED_BYTE = 0x40000001;
const WRITE_LOCK = new RegExp(
  `fcntl\\(\\d+, F_(?:OFD_)?SETLKW?, \\{l_type=F_WRLCK, l_whence=SEEK_SET, l_start=(?:${WAL_WRITE_BYTE}|${RESERVED_BYTE}), l_len=1[,}]`,
);
const SYNCS = ['fsync', 'fdatasync', 'syncfs', 'sync', 'msync'];
const EVERY_CALL = ['-e', 'raw_syscalls:sys_enter'];

const runs = (file, args) => spawnSync(file, args, { stdio: 'ignore' }).status === 0;
const canPerf = () => runs('perf', ['stat', ...EVERY_CALL, 'true']);
export const canTrace = () => runs('strace', ['-qq', '-o', '/dev/null', 'true']);

/** How many system calls. `wrap`: what runs a command and writes to a file; `read`: what is in it then. */
const callsByPerf = {
  wrap: (path) => ['perf', 'stat', '-x,', '-o', path, ...EVERY_CALL, '--'],
  read: (path) => ({ calls: Number(/^(\d+),/m.exec(readFileSync(path, 'utf8'))[1]) }),
};
const callsByStrace = {
  wrap: (path) => ['strace', '-f', '-qq', '-c', '-o', path],
  read: (path) => ({ calls: Number(/(\d+)(?:\s+\d+)?\s+total$/m.exec(readFileSync(path, 'utf8'))[1]) }),
};
export const syncsAndTransactions = {
  wrap: (path) => {
    const only = `trace=fcntl,${SYNCS.join(',')}`;
    return ['strace', '-f', '-qq', '-s', '0', '--seccomp-bpf', '-e', 'signal=none', '-e', only, '-o', path];
  },
  read: readTrace,
};

/** The same command, watched: `watch` is one of those above. */
export function traced(command, world, watch, name = 'trace') {
  const [file, ...args] = watch.wrap(join(world.base, name));
  return { ...command, file, args: [...args, command.file, ...command.args] };
}

export const tally = (world, watch, name = 'trace') => watch.read(join(world.base, name));

/** `runOf(files, watch)` makes one watched run and answers its tally. */
export async function perThousand(files, runOf) {
  const half = Math.max(1, Math.floor(files / 2));
  const found = { files: 2 * half };
  for (const watch of [canPerf() ? callsByPerf : callsByStrace, syncsAndTransactions]) {
    const small = await runOf(half, watch);
    const large = await runOf(2 * half, watch);
    for (const name of Object.keys(large))
      found[name] = Math.max(0, Math.round(((large[name] - small[name]) / half) * 10_000) / 10);
  }
  return found;
}

async function readTrace(path) {
  const counts = { syncs: 0, transactions: 0 };
  const locking = new Set();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [, pid, resumed, call] = /^(\d+)\s+(<\.\.\. )?(\w+)/.exec(line) ?? [];
    if (SYNCS.includes(call) && !resumed) counts.syncs += 1;
    if (call !== 'fcntl') continue;
    if (resumed ? locking.delete(pid) && line.endsWith(' = 0') : WRITE_LOCK.test(line) && line.endsWith(' = 0'))
      counts.transactions += 1;
    else if (!resumed && WRITE_LOCK.test(line) && line.endsWith('<unfinished ...>')) locking.add(pid);
  }
  return counts;
}
