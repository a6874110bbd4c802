/** The names in an open directory, one at a time: a million of them is never held as a list. */
import { type Dir, opendirSync } from 'node:fs';
import type { ByteName } from '../linux/index.js';

export function* namesIn(fd: number): Generator<ByteName> {
  // One char a byte: no name is lost. Node's types know fewer encodings than Node.
  const options = { encoding: 'latin1' as BufferEncoding, bufferSize: 1_024 };
  const dir: Dir = opendirSync(`/proc/self/fd/${fd}`, options);
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry.name as ByteName;
  } finally {
    dir.closeSync();
  }
}
