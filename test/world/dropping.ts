/**
 * Files that a test puts into an input, and the record of them that the oracle compares everything with.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { type ByteName, bytesOfName, joinNames, nameOfBytes, nameOfText } from '../../src/linux/names.js';

export type Name = string | Buffer;

export interface Dropped {
  feed: string;
  /** Relative to the input. */
  name: ByteName;
  sha256: string;
  bytes: number;
  /** It may be replaced before anybody saw it: it is stored, or it is gone. */
  optional: boolean;
}

export interface DropOptions {
  feed?: string;
  /**
   * `write`: under its name. `rename`: hidden first, renamed when complete. `old`: written, with an mtime of years ago
   * (`cp -p`).
   */
  how?: 'write' | 'rename' | 'old';
  optional?: boolean;
  /** In seconds. With `rename` it is set before anybody sees the file. */
  mtime?: number;
  /** Gives the open file to its owner, before anybody may take it away. */
  own?: (fd: number) => void;
}

/** A file that is written in pieces. */
export interface Writer {
  write(content: Buffer | string): void;
  /** The file is complete: it is recorded as dropped. */
  close(): Dropped;
}

export const asName = (name: Name): ByteName => (typeof name === 'string' ? nameOfText(name) : nameOfBytes(name));
export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes that no other call returns; the same bytes again for the same seed and number. */
export function contents(seed: string): (bytes: number) => Buffer {
  let number = 0;
  return (bytes) => {
    const key = createHash('sha256').update(`${seed} ${number++}`).digest();
    return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(Buffer.alloc(bytes));
  };
}

/** Puts a complete file into `input`; directories in its name are made. */
export function drop(input: string, given: Name, content: Buffer, options: DropOptions = {}): Dropped {
  const name = asName(given);
  const path = pathIn(input, name);
  if (options.how === 'rename') {
    const hidden = pathIn(input, `${directoryOf(name)}.${sha256(bytesOfName(name)).slice(0, 20)}.tmp` as ByteName);
    write(hidden, content, options);
    if (options.mtime !== undefined) utimesSync(hidden, options.mtime, options.mtime);
    renameSync(hidden, path);
  } else {
    write(path, content, options);
    const mtime = options.how === 'old' ? 1_000_000_000 : options.mtime;
    if (mtime !== undefined) utimesSync(path, mtime, mtime);
  }
  return {
    feed: options.feed ?? 'default',
    name,
    sha256: sha256(content),
    bytes: content.length,
    optional: options.optional ?? false,
  };
}

function write(path: Buffer, content: Buffer, { own }: DropOptions): void {
  const fd = openSync(path, 'w');
  own?.(fd);
  writeFileSync(fd, content);
  closeSync(fd);
}

export function openWriter(input: string, given: Name, record: (dropped: Dropped) => void, feed = 'default'): Writer {
  const name = asName(given);
  const fd = openSync(pathIn(input, name), 'w');
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    write(content) {
      hash.update(content);
      bytes += writeSync(fd, Buffer.from(content));
    },
    close() {
      const dropped = { feed, name, sha256: hash.digest('hex'), bytes, optional: false };
      record(dropped);
      closeSync(fd);
      return dropped;
    },
  };
}

/** Parses the lines that the scripts of ops/simulate print: `SHA256 BYTES NAME`. */
export function toldBy(stdout: string, feed = 'default'): Dropped[] {
  return stdout
    .split('\n')
    .map((line) => /^([0-9a-f]{64}) (\d+) (.+)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, digest, bytes, name]) => ({
      feed,
      name: nameOfText(name!),
      sha256: digest!,
      bytes: Number(bytes),
      optional: false,
    }));
}

export function pathIn(directory: string, name: ByteName): Buffer {
  const parent = bytesOfName(joinNames(nameOfText(directory), directoryOf(name).slice(0, -1) as ByteName));
  if (directoryOf(name) !== '' && !existsSync(parent)) mkdirSync(parent, { recursive: true });
  return bytesOfName(joinNames(nameOfText(directory), name));
}

/** With its slash at the end; '' at the top. */
const directoryOf = (name: ByteName): string => name.slice(0, name.lastIndexOf('/') + 1);
