/**
 * Yields the names in an open directory one at a time; a list of a million names is never in memory.
 */
import { type Dir, opendirSync } from 'node:fs';
import type { ByteName } from '../linux/index.js';

export function* namesIn(fd: number): Generator<ByteName> {
  // One char per byte, so no name is lost. Node accepts this encoding, but its types do not list it.
  const options = { encoding: 'latin1' as BufferEncoding, bufferSize: 1_024 };
  const dir: Dir = opendirSync(`/proc/self/fd/${fd}`, options);
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry.name as ByteName;
  } finally {
    dir.closeSync();
  }
}
