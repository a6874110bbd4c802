/**
 * The part of a file that is in memory: whole records, and the beginning of the next one. It grows with a record that does
 * not fit.
 * Guarantees: what is in it is text of the encoding, without a NUL; a BOM of UTF-8 is left out.
 */
import { isAscii } from 'node:buffer';
import type { ProcessOptions } from '../../base/config/values/process.js';
import { excerptOf, type Fault, Held } from './fault.js';
import type { Source } from './source.js';
import { countByte, invalidUtf8, wholeCharacters } from './text.js';

const CHUNK_BYTES = 1 << 18;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BOMS_16 = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export class Window {
  bytes: Buffer = Buffer.alloc(0);
  /** `bytes` as a latin1 string. */
  text = '';
  /** Nothing comes after it. */
  final = false;
  /** All of it is ASCII. */
  ascii = true;
  /** Where it begins in the file, after unpacking. */
  base = 0;
  /** What ends a line: a file that has no newline at its beginning may be one of carriage returns. */
  newline = '\n';
  #line = 1;
  #checked = 0;

  constructor(
    private readonly source: Source,
    /** As sentences show it. */
    private readonly name: string,
    private readonly options: Pick<ProcessOptions, 'encoding' | 'recordBytesMax'>,
  ) {}

  /** Forgets the first `used` bytes, and reads on. False when nothing is left. */
  async next(used: number): Promise<boolean> {
    const rest = this.bytes.subarray(used);
    if (rest.length > this.options.recordBytesMax) throw this.tooLarge(used);
    this.#line += countByte(this.bytes, this.newline.charCodeAt(0), 0, used);
    this.base += used;
    const isFirst = this.base === 0 && rest.length === 0;
    // A record that is longer than what is read at a time is looked through from its start again: twice as much each time.
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
    this.ascii = isAscii(this.bytes);
    return end > 0;
  }

  /** The line, from 1, of an offset of `bytes`. */
  lineAt(offset: number): number {
    return this.#line + countByte(this.bytes, this.newline.charCodeAt(0), 0, offset);
  }

  /** A fault at an offset of `bytes`; the sentence begins with the file's name and the line. */
  fault(code: Fault['code'], offset: number, what: string, more: { column?: number; excerpt?: string } = {}): Held {
    const line = this.lineAt(offset);
    const byte = this.base + offset;
    return new Held({ code, reason: `${this.name}, line ${line}: ${what}`, line, byte, ...more });
  }

  tooLarge(offset: number): Held {
    const max = this.options.recordBytesMax;
    const excerpt = excerptOf(this.bytes.subarray(offset));
    const what = `a record of more than ${max} bytes begins here (byte ${this.base + offset}); is a quote not closed? record-bytes-max bounds it`;
    return this.fault('record_too_large', offset, what, { excerpt });
  }

  /** The file's first bytes. Answers how many of them are looked at. */
  #begin(): number {
    const { bytes } = this;
    if (BOMS_16.some((bom) => bytes.subarray(0, 2).equals(bom))) {
      const reason = `${this.name} is UTF-16 (its first bytes are ${bytes.subarray(0, 2).toString('hex')}), but the feed expects ${this.options.encoding}; convert it, or set encoding: utf-16le`;
      throw new Held({ code: 'not_utf8', reason, byte: 0 });
    }
    if (bytes.indexOf(NEWLINE) < 0 && bytes.includes(RETURN)) this.newline = '\r';
    if (!bytes.subarray(0, 3).equals(BOM)) return 0;
    this.bytes = bytes.subarray(3);
    this.base = 3;
    return 0;
  }

  /** Looks at what was not looked at before; a character that is cut at the end waits for its other half. */
  #check(): void {
    const from = this.#checked;
    const nul = this.bytes.indexOf(0, from);
    if (nul >= 0) {
      const hint = nul + this.base < 4 ? '; is it UTF-16? then set encoding: utf-16le' : '';
      throw this.fault('nul_byte', nul, `byte ${this.base + nul} is NUL, which no text has${hint}`);
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
