/**
 * A frame of one raw block (RFC 8878): every decompressor must read it, and no compressor is needed here.
 */
export function zstdFrame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  const block = Buffer.alloc(4);
  block.writeUInt32LE((bytes.length << 3) | 1); // last, raw
  return Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.from([0xa0]), size, block.subarray(0, 3), bytes]);
}
