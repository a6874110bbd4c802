/**
 * Makes all data of a descriptor's filesystem durable, directories included, in one call.
 * Guarantees: runs off the main thread. Since Linux 5.8 it reports a write-back error that occurred after `fd` was
 * opened, so open `fd` before the writes.
 * Does not: return before the disk is done. It also waits for other processes' data (1 GiB dirty: 0.5 s), and a process
 * that exits meanwhile waits for it.
 */
import { LinuxError } from './error.js';
import { errno, syncfs } from './libc.js';

export function syncFs(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    syncfs.async(fd, (failure: Error | null, result: number) => {
      if (failure) return reject(failure);
      // koffi copies the pool thread's errno for this callback only.
      if (result < 0) return reject(new LinuxError('syncfs', errno()));
      resolve();
    });
  });
}
