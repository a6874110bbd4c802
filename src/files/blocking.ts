/**
 * Reads, writes and syncs of large files. On the main thread they use libuv's pool, so the event loop does not wait. In
 * a thread made for such work (src/ingest/calls/) they are synchronous: the bytes stay in the cache of its core, and
 * a call that hangs occupies no thread of the pool.
 */
import { fsync, fsyncSync, read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';

interface Calls {
  read(fd: number, into: Buffer, length: number, at: number): Promise<{ bytesRead: number }>;
  write(fd: number, bytes: Buffer, from: number, length: number, at: number): Promise<{ bytesWritten: number }>;
  fsync(fd: number): Promise<void>;
}

const [readAsync, writeAsync, fsyncAsync] = [promisify(read), promisify(write), promisify(fsync)];

const byPool: Calls = {
  read: (fd, into, length, at) => readAsync(fd, into, 0, length, at),
  write: (fd, bytes, from, length, at) => writeAsync(fd, bytes, from, length, at),
  fsync: (fd) => fsyncAsync(fd),
};

const here: Calls = {
  read: async (fd, into, length, at) => ({ bytesRead: readSync(fd, into, 0, length, at) }),
  write: async (fd, bytes, from, length, at) => ({ bytesWritten: writeSync(fd, bytes, from, length, at) }),
  fsync: async (fd) => fsyncSync(fd),
};

export const blocking: Calls = isMainThread ? byPool : here;
