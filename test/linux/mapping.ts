/**
 * A file that is written through a mapping, as databases and some uploaders do. Its descriptor is closed long before
 * the last store, and a store causes no event.
 */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const mmap = libc.func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)');
const munmap = libc.func('int munmap(void *at, size_t length)');
const [READ_WRITE, SHARED] = [3, 1];

export interface Mapping {
  store(at: number, bytes: Buffer): void;
  unmap(): void;
}

/** Makes a file of `length` zero bytes and maps it. Its descriptor is closed on return. */
export function mapNewFile(path: string, length: number): Mapping {
  const fd = openSync(path, 'w+');
  ftruncateSync(fd, length);
  const mapped = mmap(null, length, READ_WRITE, SHARED, fd, 0);
  closeSync(fd);
  const memory = Buffer.from(koffi.view(mapped, length));
  return {
    store: (at, bytes) => void bytes.copy(memory, at),
    unmap: () => void munmap(mapped, length),
  };
}
