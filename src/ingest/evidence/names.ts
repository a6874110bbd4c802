/** Files that a content brings into the warehouse: its own, and its outputs. They are asked for alike. */
import { type ByteName, nameOfBytes } from '../../linux/index.js';
import type { FileOf, Processed } from '../chains/recorded-outputs.js';
import type { Content } from '../ledger/content.js';

/** The name of a file that a content brings into the warehouse. */
export interface Name extends FileOf {
  /** Below the warehouse. */
  target: ByteName;
  /** The hash of the file at the path. */
  sha256: Buffer;
}

/** Undefined: no file of the content is, or was, below the warehouse (it was learned, pruned, another host has it, or its place is not known). */
export const ownName = ({ row, target, sha256 }: Content): Name | undefined =>
  target === null ? undefined : { row, n: 0, target: nameOfBytes(target), sha256 };

/** `row`: also of a content that was given up. Outputs without a target are left out. */
export const outputNames = (row: number, processed: Processed | undefined): Name[] =>
  (processed?.outputs ?? []).flatMap(({ n, target, sha256 }) =>
    target === null ? [] : { row, n, target: nameOfBytes(target), sha256 },
  );

/** A content that names a path, for a file with certain bytes. */
export interface Claimant {
  /** Feed and SHA-256 of the content. The generations of one content have an order. */
  content: string;
  generation: number;
  /** The hash of the file at the path. */
  sha256: Buffer;
  /** Taken back by a correction, written or only decided. */
  takenBack: boolean;
  /** Another one has the name since. */
  hasLeft: boolean;
}

export const contentKey = (feed: string, sha256: Buffer): string => `${feed} ${sha256.toString('hex')}`;
