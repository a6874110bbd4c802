/** The files that are ingested. Their contents follow from their numbers, so what must arrive is known beforehand. */
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SMALL_BYTES = 1024;
const MIB = 1 << 20;

const nameOf = (number) => `orders-${String(number).padStart(7, '0')}.csv`;

export function smallContent(number) {
  const row = `${number},customer-${number % 997},${(number * 7919) % 100_000}\n`;
  return Buffer.from(row.repeat(Math.ceil(SMALL_BYTES / row.length)).slice(0, SMALL_BYTES));
}

/** `count` files of 1 KiB in one directory, or spread over `folders` of them. */
export function makeSmall(directory, count, { folders = 0, from = 0 } = {}) {
  for (let n = 0; n < folders; n++) mkdirSync(join(directory, folderOf(n)), { recursive: true });
  for (let number = from; number < from + count; number++) {
    const place = folders > 0 ? join(folderOf(number % folders), nameOf(number)) : nameOf(number);
    writeFileSync(join(directory, place), smallContent(number));
  }
}

/** The SHA-256 of each of them. */
export function smallDigests(count, from = 0) {
  const digests = new Set();
  for (let number = from; number < from + count; number++) digests.add(sha256(smallContent(number)));
  return digests;
}

/** `count` files of `mib` MiB that do not compress. Answers their SHA-256. */
export function makeLarge(directory, count, mib, { prefix = 'part' } = {}) {
  const digests = new Set();
  for (let number = 0; number < count; number++)
    digests.add(writeLarge(join(directory, `${prefix}-${number}.csv`), number, mib));
  return digests;
}

function writeLarge(path, number, mib) {
  const key = createHash('sha256').update(`large ${number}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(MIB);
  const hash = createHash('sha256');
  const fd = openSync(path, 'w');
  for (let n = 0; n < mib; n++) {
    const block = cipher.update(zeros);
    hash.update(block);
    writeSync(fd, block);
  }
  closeSync(fd);
  return hash.digest('hex');
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const folderOf = (number) => `branch-${String(number).padStart(4, '0')}`;

/** The product lets nothing be taken within a second of its last change; nobody is timed while that passes. */
export const quietForASecond = () => sleep(1_100);
