/**
 * Reads the bytes of a file in order. Unpacks gzip (all members) and converts UTF-16 to UTF-8.
 * Guarantees: a packed file that is cut, damaged or followed by other bytes than zeros is never read as a shorter valid file.
 * Does not: remove a BOM of UTF-8 or check text; window.ts does. Unpack anything but gzip.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Fault, Held } from './fault.js';
import { BOM_BYTES_MAX, bomOf } from './text.js';

export interface Source {
  /** Bytes read from the file itself, before unpacking. */
  readonly bytesRead: number;
  /** Fills `into` from `at` on, at least in part. Returns the number of bytes, 0 at the end. */
  read(into: Buffer, at: number): number | Promise<number>;
  close(): void;
}

export interface SourceOptions {
  /** An absolute path. */
  path: Buffer;
  /** The name as sentences show it. */
  name: string;
  utf16: boolean;
  unpackedBytesMax: number | undefined;
}

const NOTHING = Buffer.alloc(0);
const GZIP = Buffer.from([0x1f, 0x8b]);
const CHUNK_BYTES = 1 << 18;
const UNPACKED_FACTOR = 100;
const UNPACKED_MIN = 1 << 30;

export function openSource(options: SourceOptions): Source {
  const fd = openSync(options.path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const magic = Buffer.alloc(2);
  const isPacked = readSync(fd, magic, 0, 2, 0) === 2 && magic.equals(GZIP);
  const source = isPacked ? unpacked(fd, options) : plain(fd);
  return options.utf16 ? asUtf8(source, options.name) : source;
}

function plain(fd: number): Source & { read(into: Buffer, at: number): number } {
  let bytesRead = 0;
  return {
    get bytesRead() {
      return bytesRead;
    },
    read(into, at) {
      const count = readSync(fd, into, at, into.length - at, null);
      bytesRead += count;
      return count;
    },
    close: () => closeSync(fd),
  };
}

function unpacked(fd: number, { name, unpackedBytesMax }: SourceOptions): Source {
  const { size } = fstatSync(fd);
  const max = unpackedBytesMax ?? Math.max(UNPACKED_FACTOR * size, UNPACKED_MIN);
  const file = plain(fd);
  // Not a stream of the descriptor: a stream closes the descriptor at a time of its own.
  const bytes = Readable.from(chunksOf(file));
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  bytes.on('error', (error) => gunzip.destroy(error)).pipe(gunzip);
  const chunks = gunzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let total = 0;
  const damaged = (code: 'gzip_cut' | 'gzip_damaged', what: string): Held =>
    held({ code, reason: `${name} is gzip ${what} after ${total} unpacked bytes; send it again`, byte: total });
  const next = async (): Promise<Buffer | undefined> => {
    try {
      const { value, done } = await chunks.next();
      if (done) {
        // zlib accepts any bytes after the last member. Tapes and block copies pad with zeros, and gzip passes over these too.
        if (!isZeros(fd, gunzip.bytesWritten, size))
          throw damaged('gzip_damaged', 'that is followed by something else');
        return undefined;
      }
      total += value.length;
      if (total > max)
        throw held({
          code: 'unpacked_too_large',
          reason: `${name} has ${size} bytes and more than ${max} unpacked ones; raise unpacked-bytes-max if it is meant so`,
        });
      return value;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'Z_BUF_ERROR') throw damaged('gzip_cut', 'that is cut');
      if (code?.startsWith('Z_')) throw damaged('gzip_damaged', 'that is damaged');
      throw error;
    }
  };
  return {
    get bytesRead() {
      return file.bytesRead;
    },
    read: pulled(next),
    close() {
      gunzip.destroy();
      bytes.destroy();
      file.close();
    },
  };
}

function isZeros(fd: number, from: number, to: number): boolean {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = from; at < to; ) {
    const count = readSync(fd, chunk, 0, CHUNK_BYTES, at);
    if (count === 0) return false;
    if (chunk.subarray(0, count).some((byte) => byte !== 0)) return false;
    at += count;
  }
  return true;
}

function* chunksOf(source: { read(into: Buffer, at: number): number }): Generator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = source.read(chunk, 0);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}

/** Leaves out the BOM. */
function asUtf8(source: Source, name: string): Source {
  const decoder = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true });
  const bytes = Buffer.allocUnsafe(CHUNK_BYTES);
  let total = 0;
  let ended = false;
  /** Reads at least the bytes of a BOM at first. */
  const readOn = async (): Promise<number> => {
    let count = 0;
    do {
      const more = await source.read(bytes, count);
      ended = more === 0;
      count += more;
    } while (!ended && total + count < BOM_BYTES_MAX);
    return count;
  };
  const decoded = (part: Buffer | undefined): Buffer => {
    try {
      return Buffer.from(part === undefined ? decoder.decode() : decoder.decode(part, { stream: true }), 'utf8');
    } catch {
      throw held({
        code: 'not_utf8',
        reason: `${name} is no UTF-16 (little endian) before its byte ${total}`,
        byte: total,
      });
    }
  };
  const next = async (): Promise<Buffer | undefined> => {
    while (!ended) {
      const count = await readOn();
      const bom = total === 0 ? bomOf(bytes.subarray(0, count), 'utf-16le', name) : 0;
      total += count;
      const text = Buffer.concat([decoded(bytes.subarray(bom, count)), ended ? decoded(undefined) : NOTHING]);
      if (text.length > 0) return text;
    }
    return undefined;
  };
  return {
    get bytesRead() {
      return source.bytesRead;
    },
    read: pulled(next),
    close: () => source.close(),
  };
}

/** Returns bytes that arrive in pieces of any size. */
function pulled(next: () => Promise<Buffer | undefined>): Source['read'] {
  let piece: Buffer | undefined;
  return async (into, at) => {
    while (piece === undefined || piece.length === 0) {
      piece = await next();
      if (piece === undefined) return 0;
    }
    const count = piece.copy(into, at);
    piece = piece.subarray(count);
    return count;
  };
}

const held = (fault: Fault): Held => new Held(fault);
