/**
 * Makes everything on a descriptor's filesystem durable, directories included, in one call.
 * Guarantees: off the main thread. Since Linux 5.8 an error of write-back since `fd` was opened is reported: open it
 * before the writes that it shall cover.
 * Does not: end before the disk does; it also waits for strangers' data (1 GiB dirty: 0.5 s), and a process that ends
 * meanwhile waits for it.
 */
import { LinuxError } from './error.js';
import { errno, syncfs } from './libc.js';

export function syncFs(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    syncfs.async(fd, (failure: Error | null, result: number) => {
      if (failure) return reject(failure);
      // koffi carries the pool thread's errno over to this callback, and to nothing after it.
      if (result < 0) return reject(new LinuxError('syncfs', errno()));
      resolve();
    });
  });
}
