/** A small file of ours that has JSON. */
import { readFileSync } from 'node:fs';
import { type ByteName, O, openAt, withFd } from '../linux/index.js';
import { unlessMissing } from './place-error.js';

/** Undefined: nothing has that name in the open directory, or no JSON is in it. Errors: LinuxError; Node's own of read(2). */
export function jsonAt(dir: number, name: ByteName): unknown {
  const fd = unlessMissing(() => openAt(dir, name, O.RDONLY | O.NOFOLLOW | O.NONBLOCK));
  if (fd === undefined) return undefined;
  const text = withFd(fd, () => readFileSync(fd, 'utf8'));
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
