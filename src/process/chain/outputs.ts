/**
 * The outputs of one file: DIRECTORY/JOB.out.N.CLAIM, created at their first record and numbered in that order.
 * Guarantees: number and bytes are bounded, and some space stays free. A partial output that is given up is removed.
 * Does not: sync or hash them, or let others read them; the worker does.
 */
import { closeSync, constants, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import type { Columns } from '../formats/columns.js';
import { Held, NoRoom, WriteError } from '../formats/fault.js';
import type { Row } from '../formats/format.js';
import type { Node, Run } from './run.js';

const BUFFER_BYTES = 65_536;
/** Free space is asked once per so many bytes written. */
const SPACE_ASKED_BYTES = 16 << 20;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const PRIVATE = 0o600;
const NEWLINE = 0x0a;

export interface OutputsPlace {
  /** An absolute path, its bytes as latin1. */
  directory: string;
  job: string;
  claim: number;
  minFreeBytes: number;
  bytesMax: number;
}

export class Outputs {
  readonly made: Output[] = [];
  readonly #byTag = new Map<string, Output>();
  #bytes = 0;
  #askAgainAt = 0;

  constructor(
    readonly run: Run,
    private readonly place: OutputsPlace,
  ) {}

  /**
   * Returns the output of a tag, and creates it if needed. `isValue`: the tag is a value of `split`. Errors: `too_many_outputs`;
   * `process_failed` where a value is also a tag of the module; a RangeError if the tag is too long.
   */
  of(tag: string, isValue = false): Output {
    const known = this.#byTag.get(tag);
    if (known?.isValue === isValue) return known;
    if (known !== undefined) {
      const what = `${JSON.stringify(tag)} is an output of the module and a value of split, so its records would be mixed; the module needs another tag`;
      throw this.run.heldAt('process_failed', what);
    }
    const name = nameOfTag(tag);
    if (name === undefined) throw new RangeError(`a tag has at most ${TAG_CHARS_MAX} characters in a file name`);
    const max = this.run.options.outputsMax;
    if (this.made.length >= max)
      throw this.run.heldAt(
        'too_many_outputs',
        `${JSON.stringify(tag)} would be output ${max + 1}; outputs-max is ${max}`,
      );
    this.#askSpace(0);
    const n = this.made.length + 1;
    const path = Buffer.from(`${this.place.directory}/${this.place.job}.out.${n}.${this.place.claim}`, 'latin1');
    const output = new Output(this, n, tag, name, path, isValue);
    this.made.push(output);
    this.#byTag.set(tag, output);
    return output;
  }

  /** Called before `bytes` bytes are written. */
  counted(bytes: number): void {
    this.#bytes += bytes;
    const { bytesMax } = this.place;
    if (this.#bytes > bytesMax) {
      const reason = `${this.run.name}: its outputs have more than ${bytesMax} bytes; raise output-bytes-max if it is meant so`;
      throw new Held({ code: 'outputs_too_large', reason });
    }
    if (this.#bytes >= this.#askAgainAt) this.#askSpace(bytes);
  }

  #askSpace(bytes: number): void {
    const free = this.#free();
    if (free - bytes < this.place.minFreeBytes) throw new NoRoom(free);
    this.#askAgainAt = this.#bytes + SPACE_ASKED_BYTES;
  }

  #free(): number {
    const { bavail, bsize } = this.call(() => statfsSync(Buffer.from(this.place.directory, 'latin1')));
    return bavail * bsize;
  }

  /** Makes a call on the filesystem of the outputs. Errors: WriteError; ENOSPC is reported like too little free space. */
  call<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? new NoRoom(this.#free())
        : new WriteError(error as NodeJS.ErrnoException);
    }
  }

  close(): void {
    for (const output of this.made) output.close();
  }

  /** Removes all outputs. */
  discard(): void {
    for (const output of this.made) output.discard();
  }
}

export class Output implements Node {
  rows = 0;
  #fd: number | undefined;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #used = 0;
  /** True if the last record had no line end, so the next one needs one first. */
  #open = false;
  #columns: Columns | undefined;

  constructor(
    private readonly outputs: Outputs,
    readonly n: number,
    readonly tag: string,
    /** The tag as written in file names. */
    readonly name: string,
    private readonly path: Buffer,
    /** The tag is a value of `split`. */
    readonly isValue: boolean,
  ) {
    this.#fd = outputs.call(() => openSync(path, NEW, PRIVATE));
  }

  take(row: Row): void {
    const isLike = row.columns === this.#columns && this.rows > 0;
    this.#put(isLike ? row : this.#fit(row));
  }

  #put({ window, start, end, text }: Row): void {
    this.rows++;
    if (this.#open) this.#text('\n');
    if (window === undefined) this.#text(text!);
    else {
      this.#bytes(window, start, end);
      this.#open = window[end - 1] !== NEWLINE;
    }
  }

  /** The first record sets the columns of the others. A malformed record has none and is written unchanged. */
  #fit(row: Row): Row {
    const { format } = this.outputs.run;
    if (row.columns === undefined) return row;
    if (this.#columns === undefined) {
      this.#columns = row.columns;
      this.#text(format.headerOf(row.columns));
      return row;
    }
    return row.fault === undefined && row.columns !== this.#columns ? format.fit(row, this.#columns) : row;
  }

  #bytes(from: Buffer, start: number, end: number): void {
    if (end - start > BUFFER_BYTES - this.#used) {
      this.#flush();
    }
    if (end - start > BUFFER_BYTES) this.#write(from, start, end);
    else this.#used += from.copy(this.#buffer, this.#used, start, end);
  }

  /** The bytes as a latin1 string. */
  #text(text: string): void {
    this.#open = false;
    if (text.length > BUFFER_BYTES - this.#used) {
      const bytes = Buffer.from(text, 'latin1');
      this.#bytes(bytes, 0, bytes.length);
    } else this.#used += this.#buffer.write(text, this.#used, 'latin1');
  }

  #flush(): void {
    this.#write(this.#buffer, 0, this.#used);
    this.#used = 0;
  }

  #write(from: Buffer, start: number, end: number): void {
    this.outputs.counted(end - start);
    this.outputs.call(() => {
      for (let at = start; at < end; ) at += writeSync(this.#fd!, from, at, end - at);
    });
  }

  close(): void {
    this.#flush();
    this.outputs.call(() => this.#closeFd());
  }

  discard(): void {
    for (const act of [() => this.#closeFd(), () => unlinkSync(this.path)]) {
      try {
        act();
      } catch {
        // The worker removes what is left, and meets the same error.
      }
    }
  }

  #closeFd(): void {
    const fd = this.#fd;
    // A descriptor is given up also where its close fails.
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }
}

/** The longest tag (the name of the step or output that gets a record), percent-encoded. It is placed between the name of the input and its extension. */
const TAG_CHARS_MAX = 120;
const EMPTY = '_empty';

/**
 * A tag in a file name: letters, digits, `-` and `_` as they are, each other byte as `%XX`; the empty tag is `_empty`. Different tags have different
 * names. Undefined where the name would be too long.
 */
export function nameOfTag(tag: string): string | undefined {
  if (tag === '') return EMPTY;
  if (tag.length > TAG_CHARS_MAX) return undefined;
  let name = '';
  for (const byte of Buffer.from(tag, 'utf8')) {
    const sign = String.fromCharCode(byte);
    const isPlain = name === '' ? /[A-Za-z0-9]/.test(sign) : /[A-Za-z0-9_-]/.test(sign);
    name += isPlain ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return name.length <= TAG_CHARS_MAX ? name : undefined;
}
