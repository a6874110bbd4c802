/**
 * The part of a file that is in memory: whole records, and the beginning of the next one. It grows with a record that does
 * not fit.
 * Guarantees: the window has only valid text of the encoding, without a NUL and without a BOM of UTF-8.
 */
import type { ProcessOptions } from '../../base/config/values/process.js';
import { excerptOf, type Fault, Held } from './fault.js';
import type { Source } from './source.js';
import { bomOf, countByte, invalidUtf8, wholeCharacters } from './text.js';

const CHUNK_BYTES = 1 << 18;
const NEWLINE = 0x0a;

export class Window {
  bytes: Buffer = Buffer.alloc(0);
  /** `bytes` as a latin1 string. */
  text = '';
  /** True if the window reaches the end of the file. */
  final = false;
  /** The offset of the window in the file, after unpacking. */
  base = 0;
  #line = 1;
  #checked = 0;

  constructor(
    private readonly source: Source,
    /** The name as sentences show it. */
    private readonly name: string,
    private readonly options: Pick<ProcessOptions, 'encoding' | 'recordBytesMax'>,
  ) {}

  /** Forgets the first `used` bytes, and reads on. False when nothing is left. */
  async next(used: number): Promise<boolean> {
    const rest = this.bytes.subarray(used);
    if (rest.length > this.options.recordBytesMax) throw this.tooLarge(used);
    this.#line += countByte(this.bytes, NEWLINE, used);
    this.base += used;
    const isFirst = this.base === 0 && rest.length === 0;
    // A record longer than one read is scanned from its start again, with twice as many bytes each time.
    const bytes = Buffer.allocUnsafe(rest.length + Math.max(CHUNK_BYTES, rest.length));
    let end = rest.copy(bytes);
    while (end < bytes.length) {
      const count = await this.source.read(bytes, end);
      this.final = count === 0;
      if (this.final) break;
      end += count;
    }
    this.bytes = bytes.subarray(0, end);
    this.#checked = isFirst ? this.#begin() : this.#checked - used;
    this.#check();
    this.text = this.bytes.toString('latin1');
    return end > 0;
  }

  /** Returns the line number, from 1, of an offset of `bytes`. */
  lineAt(offset: number): number {
    return this.#line + countByte(this.bytes, NEWLINE, offset);
  }

  /** Makes a fault at an offset of `bytes`. Its sentence begins with the file's name and the line. */
  fault(code: Fault['code'], offset: number, what: string, more: { column?: number; excerpt?: string } = {}): Held {
    const line = this.lineAt(offset);
    const byte = this.base + offset;
    return new Held({ code, reason: `${this.name}, line ${line}: ${what}`, line, byte, ...more });
  }

  tooLarge(offset: number): Held {
    const max = this.options.recordBytesMax;
    const excerpt = excerptOf(this.bytes.subarray(offset), this.options.encoding);
    const what = `a record of more than ${max} bytes begins here (byte ${this.base + offset}${this.#ofWhat()}); is a quote not closed? record-bytes-max bounds it`;
    return this.fault('record_too_large', offset, what, { excerpt });
  }

  /** UTF-16 was converted before it is counted. */
  #ofWhat(): string {
    return this.options.encoding === 'utf-16le' ? ' of its text as UTF-8' : '';
  }

  /** Checks the first bytes of the file. Returns how many of the others are checked. */
  #begin(): number {
    const { bytes } = this;
    const { encoding } = this.options;
    // The source has looked at UTF-16 already, and converted it.
    const bom = encoding === 'utf-16le' ? 0 : bomOf(bytes, encoding, this.name);
    this.bytes = bytes.subarray(bom);
    this.base = bom;
    return 0;
  }

  /** Checks the bytes that were not checked before. A character that is cut at the end waits for its other half. */
  #check(): void {
    const from = this.#checked;
    const nul = this.bytes.indexOf(0, from);
    if (nul >= 0) {
      const hint = nul + this.base < 4 ? '; is it UTF-16? then set encoding: utf-16le' : '';
      throw this.fault('nul_byte', nul, `byte ${this.base + nul}${this.#ofWhat()} is NUL, which no text has${hint}`);
    }
    const to = this.final ? this.bytes.length : wholeCharacters(this.bytes, this.bytes.length);
    if (this.options.encoding !== 'latin1') {
      const odd = invalidUtf8(this.bytes, from, to);
      const shown = () => `0x${this.bytes[odd]!.toString(16).padStart(2, '0')}`;
      if (odd >= 0) {
        const what = `byte ${this.base + odd} (${shown()}) is no UTF-8; send it as UTF-8, or set encoding: latin1`;
        throw this.fault('not_utf8', odd, what, {
          excerpt: excerptOf(this.bytes.subarray(Math.max(0, odd - 40), odd + 40)),
        });
      }
    }
    this.#checked = to;
  }
}
