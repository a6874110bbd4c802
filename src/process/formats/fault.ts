/** Why a file does not get through its chain: a fault of the file or of the disk. Thrown inside the engine, returned as values. */

import type { ProcessOptions } from '../../base/config/values/process.js';

export type HoldCode =
  | 'record_invalid'
  | 'header_differs'
  | 'rows_out_of_bounds'
  | 'not_utf8'
  | 'nul_byte'
  | 'record_too_large'
  | 'unpacked_too_large'
  | 'gzip_cut'
  | 'gzip_damaged'
  | 'too_many_outputs'
  | 'outputs_too_large'
  | 'rejects_too_many'
  | 'process_failed';

/** Why a file is held, and where in it. */
export type Fault = {
  code: HoldCode;
  /** A sentence with the file's name. */
  reason: string;
  /** The line, from 1. */
  line?: number;
  /** From 1: the field in a csv, the character in a line. */
  column?: number;
  /** The offset in the unpacked bytes, from 0. */
  byte?: number;
  /** At most 200 characters. Control characters are escaped. */
  excerpt?: string;
};

/** The file is held. */
export class Held extends Error {
  constructor(readonly fault: Fault) {
    super(fault.reason);
  }
}

/** The filesystem of the outputs has too little space. */
export class NoRoom extends Error {
  constructor(
    /** Bytes. */
    readonly free: number,
  ) {
    super(`only ${free} bytes are free`);
  }
}

/** A call on an output failed; the file is tried again. */
export class WriteError extends Error {
  constructor(override readonly cause: NodeJS.ErrnoException) {
    super(cause.message);
  }
}

/** The module cannot be used for any file. */
export class Unloadable extends Error {}

const EXCERPT_CHARS = 200;

/** Bytes as one line of text, without the line end. Control characters and invalid bytes become `\x..`. */
export function excerptOf(bytes: Buffer, encoding?: ProcessOptions['encoding']): string {
  const text = bytes
    .subarray(0, EXCERPT_CHARS * 4)
    .toString(encoding === 'latin1' ? 'latin1' : 'utf8')
    .replace(/\r?\n$/, '');
  const cut = text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS - 1)}…` : text;
  return cut.replace(/[\p{Cc}\u2028\u2029]/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
