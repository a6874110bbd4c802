/** A small file of ours that has JSON. */
import { closeSync, readFileSync } from 'node:fs';
import { type ByteName, LinuxError, O, openAt } from '../linux/index.js';

/** Undefined: nothing has that name in the open directory, or no JSON is in it. Errors: LinuxError; Node's own of read(2). */
export function jsonAt(dir: number, name: ByteName): unknown {
  let fd: number;
  try {
    fd = openAt(dir, name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK);
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(readFileSync(fd, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}
