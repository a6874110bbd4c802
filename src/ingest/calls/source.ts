/** The types for the bytes of a hashed file and for the outputs that a chain makes of them; see order.ts. */
import type { ByteName } from '../../linux/index.js';
import type { WorkKey } from '../files/feed-files.js';

/** The bytes of a hashed file. */
export interface Source extends WorkKey {
  part: 'file' | 'copy';
  /** Its identity when it was hashed. A private copy needs no check: only we can write it. */
  identity: string;
}

/** A recorded output that was not moved yet. */
export interface OutputSource {
  n: number;
  name: ByteName;
  size: number;
  inode: string;
}

export type ToBegin = Source;

export type BeginAnswer =
  /** Absolute paths: of the file, and of the directory in which its outputs are to be made. */
  { kind: 'begun'; path: ByteName; directory: ByteName } | { kind: 'no_source' } | { kind: 'changed' };

export interface ToFinish extends Source {
  claimNo: number;
  /** The numbers of the outputs. */
  outputs: readonly number[];
}

export interface Finished {
  n: number;
  size: number;
  /** Hexadecimal. */
  sha256: string;
  /** Decimal. */
  device: string;
  inode: string;
}

export type FinishAnswer =
  | { kind: 'finished'; outputs: readonly Finished[] }
  | { kind: 'output_missing'; n: number }
  /** Somebody has it open for writing. */
  | { kind: 'output_open'; n: number }
  | { kind: 'no_source' }
  | { kind: 'changed' };
