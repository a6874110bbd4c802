/**
 * Acts on files as data: an order names one act for many files, and each file gets one answer.
 * Guarantees: orders and answers can cross to a thread as they are (except the error of `failed`, see src/ingest/calls/failure.ts).
 * Anything that can happen to a file is in its answer, and never thrown. Each act checks first, so that doing it twice is safe.
 * There are two kinds. Quick acts handle many files in one order. Long acts read or copy one file of any size, within the rate limit.
 */
import type { FeedOptions } from '../../base/config/options.js';
import type { PlaceKind } from '../../files/place-error.js';
import type { ByteName, Kind } from '../../linux/index.js';
import type { Roots, WorkKey } from '../files/feed-files.js';
import type { SidecarRead } from '../files/sidecar.js';
import type { Checksum } from '../rules/checksum.js';
import type { WaitReason } from '../rules/completion.js';
import type { Observation, Sealed } from '../rules/facts.js';
import type { IgnoreRule } from '../rules/filters.js';
import type { PutByBytes } from '../warehouse/target.js';

/** A file as the producer would offer it now. */
export interface CandidateNow {
  identity: string;
  bytes: number;
}

/** The common terms of all files of an order. */
export interface Terms {
  feed: FeedOptions;
  /** The `clockEpoch` that observations belong to. */
  boot: string;
}

export interface ToSeal extends WorkKey {
  seen: Observation;
  /** No part of it can have been sealed before the first claim. */
  claimNo: number;
}

export type SealAnswer =
  /** It lies in `underprocess/`. `unread`: its sidecar may still be written. */
  | { kind: 'sealed'; sealed: Sealed; now: CandidateNow; sidecar?: Checksum; unread?: true }
  /** Not complete. `seen`: its window starts again. `unreadable`: why its sidecar cannot be read. */
  | {
      kind: 'wait';
      why: WaitReason;
      inMs: number;
      seen?: Observation | undefined;
      now: CandidateNow;
      unreadable?: string | undefined;
    }
  /** Its sealed sidecar has to be read first. */
  | { kind: 'unread'; sidecar: SidecarRead }
  /** Somebody has it open for writing. */
  | { kind: 'writer'; now: CandidateNow }
  /** Something happened between two calls: check again. */
  | { kind: 'changed' }
  | { kind: 'size'; now: CandidateNow }
  /** No name in the work directory can hold it. */
  | { kind: 'name_too_long' }
  /** There is no file, or no regular one. */
  | { kind: 'gone'; is: Kind | undefined; hasSealedSidecar: boolean }
  /** The filters of the feed refuse its name. */
  | { kind: 'ignored'; rule: IgnoreRule; hasSealedSidecar: boolean; isSidecarBack: boolean }
  /** The sealed sidecar belongs to a version that is gone. */
  | { kind: 'other_version' }
  /** It lies in this mount below the input ('' = none) and must be sealed there. */
  | { kind: 'other_mount'; inside: ByteName }
  | { kind: 'unopened'; code: string; now?: CandidateNow }
  /** The permissions of its directory forbid the rename. */
  | { kind: 'not_permitted'; code: string; isSticky: boolean; now: CandidateNow }
  /** Nobody may rename it away: it is a mount, or it or its folder has an attribute of chattr(1). */
  | { kind: 'immovable'; because: Immovable; now: CandidateNow };

export type Immovable = { is: 'mount' } | { is: 'immutable' | 'append-only'; what: 'file' | 'sidecar' | 'folder' };

export interface ToHash extends WorkKey {
  sealed?: Sealed | undefined;
  /** Its sealed sidecar has to be read after it. */
  unread?: true | undefined;
  /** Its hash is known: it had to wait for a twin. */
  isHashed: boolean;
}

export type HashAnswer =
  /** `sidecar`: as it is after the file was read; only of an `unread` one. */
  | { kind: 'hashed'; sealed: Sealed; sha256: string; sidecar?: SidecarRead }
  /** It is as it was hashed. */
  | { kind: 'as_hashed'; sealed: Sealed }
  /** A quiet window starts (again) in `underprocess/`. */
  | { kind: 'again'; why: 'window' | 'writer_open' | 'changed' | 'private_copy'; sealed: Sealed; now: CandidateNow }
  /** Its quiet window ends in `inMs`. */
  | { kind: 'wait'; inMs: number }
  | { kind: 'empty'; sealed: Sealed }
  /** Its sealed sidecar cannot be read yet. */
  | { kind: 'sidecar'; read: SidecarRead }
  | { kind: 'missing' }
  | { kind: 'unopened'; code: string };

export interface ToCorrect extends WorkKey {
  claimNo: number;
  /** The SHA-256 of the file (hex). */
  sha256: string;
}

export type CorrectAnswer =
  /** The right sidecar lies beside the file. */
  | { kind: 'taken' }
  /** The right one is in the input, and the first one must be put aside before it is taken. */
  | { kind: 'aside_first' }
  /** There is none, or one that demands something else. */
  | { kind: 'stays' }
  /** It is being written, was replaced just now, or the input cannot be read. */
  | { kind: 'later' };

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

export interface ToMove extends Source {
  /** The output to move; without it, the file itself is moved. */
  output?: OutputSource;
  /** Below the warehouse. */
  target: ByteName;
}

export type MoveAnswer =
  | { kind: 'renamed' }
  /** A file has that name; its bytes decide. */
  | { kind: 'exists' }
  /** The target is on another mount: it has to be copied. */
  | { kind: 'across' }
  | { kind: 'changed' }
  | { kind: 'no_source' };

export interface ToRead extends ToHash {
  /** The checksum that its sidecar demands: a private copy with other bytes is not kept. */
  demanded?: string | undefined;
}

export interface ToPut extends Omit<ToMove, 'identity'> {
  /** Hexadecimal. */
  sha256: string;
  /** The claim that makes the copy. It names the temporary file. */
  claimNo: number;
  /** The result of the rename. */
  came: 'exists' | 'across';
}

export type PutAnswer = { kind: PutByBytes } | { kind: 'no_source' };

export interface ToCompare {
  /** Below the warehouse. */
  target: ByteName;
  /** Hexadecimal. */
  sha256: string;
}

/** The file at the target: none, the content, or another file. */
export type CompareAnswer = { kind: 'nothing' | 'same' | 'other' };

export interface Acts {
  seal: { file: ToSeal; answer: SealAnswer };
  /** `large`: the file must be read by `read`, because it is large or must be copied. */
  hash: { file: ToHash; answer: HashAnswer | { kind: 'large' } };
  /** Takes the right sidecar of a file that is held for its first one. */
  correct: { file: ToCorrect; answer: CorrectAnswer };
  move: { file: ToMove; answer: MoveAnswer };
  /** Hashes a file of any size; makes a private copy where a lease cannot answer. */
  read: { file: ToRead; answer: HashAnswer };
  begin_outputs: { file: ToBegin; answer: BeginAnswer };
  finish_outputs: { file: ToFinish; answer: FinishAnswer };
  /** Puts a file at its target by a copy, or compares the bytes that are there. */
  put: { file: ToPut; answer: PutAnswer };
  compare: { file: ToCompare; answer: CompareAnswer };
}

export type Act = keyof Acts;

const LONG: ReadonlySet<Act> = new Set<Act>(['read', 'finish_outputs', 'put', 'compare']);
export const isLong = (act: Act): boolean => LONG.has(act);

/** The place in which a call of this act hangs, if it hangs; '' where the current job is blamed. */
export const HANGS_IN: { readonly [A in Act]: PlaceKind | '' } = {
  seal: '',
  hash: '',
  correct: '',
  move: 'warehouse',
  read: '',
  begin_outputs: 'warehouse',
  finish_outputs: 'warehouse',
  put: 'warehouse',
  compare: 'warehouse',
};

export interface Order<A extends Act = Act> {
  act: A;
  roots: Roots;
  terms: Terms;
  files: readonly Acts[A]['file'][];
}

/** A call failed. A PlaceError ends the order. */
export interface Failed {
  kind: 'failed';
  error: unknown;
}

/** Not tried: a place fails, or the process drains. */
export interface Stopped {
  kind: 'stopped';
}

/** The thread hangs in a call on this file. `back` resolves when the call has ended; until then nobody else may touch the file. */
export interface Hangs {
  kind: 'hangs';
  back: Promise<void>;
}

/** The thread hangs at another file of the order: this one may have been handled, or not. */
export interface Unknown {
  kind: 'unknown';
}

export type NoAnswer = Failed | Stopped | Hangs | Unknown;

export const isFailed = (answer: { kind: string }): answer is Failed => answer.kind === 'failed';

/** One answer for each file, in the order of the files. */
export type Answer<A extends Act = Act> = Acts[A]['answer'] | NoAnswer;
