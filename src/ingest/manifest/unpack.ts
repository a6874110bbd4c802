/**
 * The bytes of a manifest file in order, also where it was rotated and compressed (gzip, zstd). The first bytes decide the
 * format, because rotation may choose any name.
 * Guarantees: reads in chunks, whatever the size. A compressed file that is cut or damaged is an error, never a short result.
 */
import { createReadStream, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createGunzip } from 'node:zlib';
import { withFd } from '../../linux/index.js';

export type Packing = 'plain' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lz4' | 'lzip' | 'compress' | 'zip' | 'brotli';

const MAGIC: [Packing, RegExp][] = [
  ['gzip', /^1f8b/],
  // Or a frame to be skipped, with which pzstd begins.
  ['zstd', /^(28b52ffd|5.2a4d18)/],
  ['bzip2', /^425a68/],
  ['xz', /^fd377a585a00/],
  ['lz4', /^04224d18/],
  ['lzip', /^4c5a4950/],
  ['compress', /^1f9d/],
  ['zip', /^504b0304/],
];
interface Zstd {
  Decompress: new (onData: (bytes: Uint8Array) => void) => { push(bytes: Uint8Array, final?: boolean): void };
}

const CHUNK_BYTES = 1 << 20;
/** Packed bytes are read in smaller chunks: unpacked they may be a thousand times larger. */
const PACKED_CHUNK_BYTES = 1 << 16;

/** Errors: UnreadableManifest. */
export function packingOf(path: string): Packing {
  // Its format begins with no fixed bytes.
  if (path.endsWith('.br')) return 'brotli';
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new UnreadableManifest(path, error);
  }
  const bytes = Buffer.alloc(6);
  const length = withFd(fd, () => readSync(fd, bytes, 0, bytes.length, 0));
  const start = bytes.toString('hex', 0, length);
  return MAGIC.find(([, magic]) => magic.test(start))?.[0] ?? 'plain';
}

/** The file cannot be read, or not to its end. */
export class UnreadableManifest extends Error {
  override readonly name = 'UnreadableManifest';
  constructor(
    readonly path: string,
    override readonly cause: unknown,
  ) {
    super(`${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`);
  }
}

/** `from`: only for a plain file. Errors: UnreadableManifest. */
export async function* unpacked(path: string, packing: Packing, from: number): AsyncGenerator<Buffer> {
  let chunks: AsyncIterator<Buffer> | undefined;
  try {
    chunks = chunksOf(path, packing, from)[Symbol.asyncIterator]();
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  } catch (error) {
    throw new UnreadableManifest(path, error);
  } finally {
    await chunks?.return?.();
  }
}

function chunksOf(path: string, packing: Packing, from: number): AsyncIterable<Buffer> {
  if (packing === 'plain') return createReadStream(path, { start: from, highWaterMark: CHUNK_BYTES });
  if (packing === 'gzip') return gunzipped(path);
  if (packing === 'zstd') return unzstd(path);
  throw new Error(`it is packed by ${packing}, which is not read here: unpack it, or pack it by gzip or zstd`);
}

function gunzipped(path: string): AsyncIterable<Buffer> {
  const file = createReadStream(path, { highWaterMark: PACKED_CHUNK_BYTES });
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  file.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => file.destroy());
  return file.pipe(gunzip);
}

async function* unzstd(path: string): AsyncGenerator<Buffer> {
  // Not node:zlib: Node 22 ends a cut file without an error, and Node 24 a file of several frames after the first one.
  // Loaded here only: compressed manifests are read by a rebuild, and rarely at a start.
  const { Decompress } = createRequire(import.meta.url)('fzstd') as Zstd;
  let made: Buffer[] = [];
  const stream = new Decompress((bytes) => void made.push(Buffer.from(bytes)));
  for await (const chunk of createReadStream(path, { highWaterMark: PACKED_CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    stream.push(chunk);
    yield* made;
    made = [];
  }
  stream.push(new Uint8Array(0), true);
  yield* made;
}
