/** The bytes of a hashed file, and what its feed's chain makes of them; see order.ts. */
import type { ByteName } from '../../linux/index.js';
import type { WorkKey } from '../files/feed-files.js';

/** The bytes of a hashed file. */
export interface Source extends WorkKey {
  part: 'file' | 'copy';
  /** As it was hashed; a private copy is ours alone. */
  identity: string;
}

/** An output as it was recorded, where it lies until it is moved. */
export interface OutputSource {
  name: ByteName;
  size: number;
  inode: string;
}

export type ToBegin = Source;

export type BeginAnswer =
  /** Absolute: the file, and where its outputs are to be made. */
  { kind: 'begun'; path: ByteName; directory: ByteName } | { kind: 'no_source' } | { kind: 'changed' };

export interface ToFinish extends Source {
  claimNo: number;
  /** Their numbers. */
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
  /** Somebody writes it. */
  | { kind: 'output_open'; n: number }
  | { kind: 'no_source' }
  | { kind: 'changed' };
