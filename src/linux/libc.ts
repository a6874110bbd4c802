/**
 * Binds libc through koffi: each function as C declares it, and nothing else.
 * Guarantees: `koffi.load(null)` binds the process's own symbols, so a preloaded library is used. A load by file name
 * would bypass it.
 * Does not: check results. The other files of this folder do, each for its own calls.
 */
import koffi from 'koffi';

const libc = koffi.load(null);

/** A variadic argument is passed as its type followed by its value. */
type Variadic = number | bigint | string | Uint8Array;
type Bytes = Uint8Array;

function bind<F extends (...args: never[]) => unknown>(
  declaration: string,
): F & { async: (...args: unknown[]) => void } {
  return libc.func(declaration) as never;
}

/** The errno of the last failed call in this thread. It is only valid directly after that call. */
export const errno = (): number => koffi.errno();

export const fcntl = bind<(fd: number, command: number, ...rest: Variadic[]) => number>(
  'int fcntl(int fd, int command, ...)',
);
/**
 * The same function with fixed argument types, for two hot callers. On x64 and arm64 Linux passes a variadic integer or
 * pointer like any other argument, and koffi looks up the types of a variadic call at every call.
 */
export const fcntlInt = bind<(fd: number, command: number, value: number) => number>(
  'int fcntl(int fd, int command, int value)',
);
export const openat2 = bind<(call: number, dirFd: number, name: Bytes, how: Bytes, size: number) => number>(
  'long syscall(long call, int dirFd, const uint8_t *name, const uint8_t *how, size_t size)',
);
const SYS_GETDENTS64 = process.arch === 'arm64' ? 61 : 217;
const listing = bind<(call: number, fd: number, into: Bytes, size: number) => number>(
  'long syscall(long call, int fd, uint8_t *into, size_t size)',
);
export const getdents64 = (fd: number, into: Bytes): number => listing(SYS_GETDENTS64, fd, into, into.length);
export const ioctl = bind<(fd: number, request: number, ...rest: Variadic[]) => number>(
  'int ioctl(int fd, unsigned long request, ...)',
);
/** Ends the process without what `exit` does first. */
export const _exit = bind<(code: number) => never>('void _exit(int code)');
export const prctl = bind<(option: number, ...rest: Variadic[]) => number>('int prctl(int option, ...)');
export const setrlimit = bind<(resource: number, limits: Bytes) => number>(
  'int setrlimit(int resource, const uint8_t *limits)',
);
/** The handler is a number here; only SIG_IGN is used. */
export const signal = bind<(number: number, handler: number) => number>(
  'intptr_t signal(int number, intptr_t handler)',
);
export const sigaction = bind<(number: number, act: null, old: Bytes) => number>(
  'int sigaction(int number, const uint8_t *act, uint8_t *old)',
);

export const statx = bind<(dirFd: number, name: Bytes, flags: number, mask: number, into: Bytes) => number>(
  'int statx(int dirFd, const uint8_t *name, int flags, unsigned int mask, uint8_t *into)',
);
export const renameat2 = bind<
  (oldDir: number, oldName: Bytes, newDir: number, newName: Bytes, flags: number) => number
>('int renameat2(int oldDir, const uint8_t *oldName, int newDir, const uint8_t *newName, unsigned int flags)');
export const renameat = bind<(oldDir: number, oldName: Bytes, newDir: number, newName: Bytes) => number>(
  'int renameat(int oldDir, const uint8_t *oldName, int newDir, const uint8_t *newName)',
);
export const linkat = bind<(oldDir: number, oldName: Bytes, newDir: number, newName: Bytes, flags: number) => number>(
  'int linkat(int oldDir, const uint8_t *oldName, int newDir, const uint8_t *newName, int flags)',
);
export const unlinkat = bind<(dir: number, name: Bytes, flags: number) => number>(
  'int unlinkat(int dir, const uint8_t *name, int flags)',
);
export const mkdirat = bind<(dir: number, name: Bytes, mode: number) => number>(
  'int mkdirat(int dir, const uint8_t *name, unsigned int mode)',
);

export const symlinkat = bind<(target: Bytes, dir: number, name: Bytes) => number>(
  'int symlinkat(const uint8_t *target, int dir, const uint8_t *name)',
);
export const readlinkat = bind<(dir: number, name: Bytes, into: Bytes, size: number) => number>(
  'long readlinkat(int dir, const uint8_t *name, uint8_t *into, size_t size)',
);
export const fchownat = bind<(dir: number, name: Bytes, uid: number, gid: number, flags: number) => number>(
  'int fchownat(int dir, const uint8_t *name, unsigned int uid, unsigned int gid, int flags)',
);
export const utimensat = bind<(dir: number, name: Bytes, times: Bytes, flags: number) => number>(
  'int utimensat(int dir, const uint8_t *name, const uint8_t *times, int flags)',
);

export const close = bind<(fd: number) => number>('int close(int fd)');
export const read = bind<(fd: number, into: Bytes, size: number) => number>(
  'long read(int fd, uint8_t *into, size_t size)',
);
export const lseek = bind<(fd: number, offset: number, whence: number) => number>(
  'int64_t lseek(int fd, int64_t offset, int whence)',
);
export const SEEK_SET = 0;
export const fallocate = bind<(fd: number, mode: number, offset: number, length: number) => number>(
  'int fallocate(int fd, int mode, int64_t offset, int64_t length)',
);
export const fstatfs = bind<(fd: number, into: Bytes) => number>('int fstatfs(int fd, uint8_t *into)');
export const fgetxattr = bind<(fd: number, name: string, into: Bytes, size: number) => number>(
  'long fgetxattr(int fd, const char *name, uint8_t *into, size_t size)',
);
export const fsetxattr = bind<(fd: number, name: string, value: Bytes, size: number, flags: number) => number>(
  'int fsetxattr(int fd, const char *name, const uint8_t *value, size_t size, int flags)',
);
export const fremovexattr = bind<(fd: number, name: string) => number>('int fremovexattr(int fd, const char *name)');
export const syncfs = bind<(fd: number) => number>('int syncfs(int fd)');
export const futimens = bind<(fd: number, times: Bytes) => number>('int futimens(int fd, const uint8_t *times)');
export const clock_gettime = bind<(clock: number, into: Bytes) => number>(
  'int clock_gettime(int clock, uint8_t *into)',
);

export const socket = bind<(domain: number, type: number, protocol: number) => number>(
  'int socket(int domain, int type, int protocol)',
);
export const sendto = bind<
  (fd: number, bytes: Bytes, length: number, flags: number, address: Bytes | null, addressLength: number) => number
>(
  'long sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t addressLength)',
);

export const inotify_init1 = bind<(flags: number) => number>('int inotify_init1(int flags)');
export const inotify_add_watch = bind<(fd: number, path: Bytes, mask: number) => number>(
  'int inotify_add_watch(int fd, const uint8_t *path, uint32_t mask)',
);
export const inotify_rm_watch = bind<(fd: number, watch: number) => number>('int inotify_rm_watch(int fd, int watch)');

export const poll = bind<(descriptors: Bytes, count: number, timeoutMs: number) => number>(
  'int poll(uint8_t *descriptors, unsigned long count, int timeoutMs)',
);
