/**
 * What is done to files, as data: an order names one act for many files, and each file gets one answer.
 * Guarantees: orders and answers cross a thread as they are (only the error of `failed` does not, see src/ingest/threads/failure.ts);
 * what can happen to a file is in its answer, and never thrown; each act begins by looking, so that doing it again is doing it once.
 * Two kinds: quick acts look at many files in one order; long ones read or copy one file of any size, in their turn.
 */
import type { FeedOptions } from '../../base/config/options.js';
import type { PlaceKind } from '../../files/place-error.js';
import type { ByteName, Kind } from '../../linux/index.js';
import type { Roots, WorkKey } from '../files/feed-files.js';
import type { SidecarRead, SidecarSays } from '../files/sidecar.js';
import type { WaitReason } from '../rules/completion.js';
import type { Observation, Sealed } from '../rules/facts.js';
import type { PutByBytes } from '../warehouse/target.js';
import type { BeginAnswer, FinishAnswer, OutputSource, Source, ToBegin, ToFinish } from './source.js';

/** A file as the producer would offer it now. */
export interface Candidate {
  identity: string;
  bytes: number;
}

/** What every file of an order is judged by. */
export interface Terms {
  feed: FeedOptions;
  /** The boot that observations belong to. */
  boot: string;
}

export interface ToSeal extends WorkKey {
  seen: Observation;
  /** Nothing of it can have been sealed before. */
  isFirst: boolean;
}

export interface SealTerms extends Terms {
  /** Sealed files are hashed at once, up to so many bytes in all; 0: none is, also no empty one. */
  hashBytes: number;
}

export type SealAnswer =
  /** It lies in `underprocess/`. `hash`: it was small and quiet, and there was room for it. */
  | { kind: 'sealed'; sealed: Sealed; now: Candidate; sidecar?: SidecarSays; hash?: HashAnswer }
  /** Not complete. `seen`: its window starts anew. `unreadable`: why its sidecar cannot be read. */
  | {
      kind: 'wait';
      why: WaitReason;
      inMs: number;
      seen?: Observation | undefined;
      now: Candidate;
      unreadable?: string | undefined;
    }
  /** Its sealed sidecar has to be read first. */
  | { kind: 'unread'; sidecar: SidecarRead }
  /** Somebody has it open for writing. */
  | { kind: 'writer'; now: Candidate }
  /** Something happened between two calls: look again. */
  | { kind: 'changed' }
  | { kind: 'size'; bytes: number }
  /** No name in the work directory can hold it. */
  | { kind: 'name_too_long' }
  /** Nothing lies there, or no regular file. */
  | { kind: 'gone'; is: Kind | undefined; hasSealedSidecar: boolean }
  /** The sealed sidecar belongs to a version that is gone. */
  | { kind: 'other_version' }
  /** It lies in this mount below the input, '' = none, and is sealed there. */
  | { kind: 'other_mount'; inside: ByteName }
  | { kind: 'unopened'; code: string }
  /** Its directory does not let it go. */
  | { kind: 'not_permitted'; code: string; isSticky: boolean };

export interface ToHash extends WorkKey {
  sealed?: Sealed | undefined;
  /** Its sealed sidecar could not be read when it was found. */
  unread?: true | undefined;
  /** Its hash is known: it had to wait for a twin. */
  isHashed: boolean;
}

export type HashAnswer =
  | { kind: 'hashed'; sealed: Sealed; sha256: string }
  /** It is as it was hashed. */
  | { kind: 'as_hashed'; sealed: Sealed }
  /** A window runs (again) in `underprocess/`. */
  | { kind: 'again'; why: 'window' | 'writer_open' | 'changed' | 'private_copy'; sealed: Sealed; now: Candidate }
  /** Its window ends then. */
  | { kind: 'wait'; inMs: number }
  | { kind: 'empty'; sealed: Sealed }
  | { kind: 'sidecar'; read: SidecarRead }
  | { kind: 'missing' }
  | { kind: 'unopened'; code: string };

export interface ToMove extends Source {
  /** This output of it is to be moved, and not the file itself. */
  output?: OutputSource;
  /** Below the warehouse. */
  target: ByteName;
}

export type MoveAnswer =
  | { kind: 'renamed' }
  /** Something has that name: its bytes say what it is. */
  | { kind: 'exists' }
  /** The target is on another mount: it has to be copied. */
  | { kind: 'across' }
  | { kind: 'changed' }
  | { kind: 'no_source' };

export interface ToName {
  /** Below the warehouse. */
  target: ByteName;
}

export type NameAnswer = { kind: 'free' } | { kind: 'taken' };

export interface ToRead extends ToHash {
  /** What its sidecar demands: a private copy of other bytes is not kept. */
  demanded?: string | undefined;
}

export interface ToPut extends Omit<ToMove, 'identity'> {
  /** Hexadecimal. */
  sha256: string;
  /** Names its temporary copy: of this claim alone. */
  claimNo: number;
  /** What the rename came to. */
  came: 'exists' | 'across';
}

export type PutAnswer = { kind: PutByBytes } | { kind: 'no_source' };

export interface ToCompare {
  /** Below the warehouse. */
  target: ByteName;
  /** Hexadecimal. */
  sha256: string;
}

/** What lies there: nothing, the content, or something else. */
export type CompareAnswer = { kind: 'nothing' | 'same' | 'other' };

export interface Acts {
  seal: { terms: SealTerms; file: ToSeal; answer: SealAnswer };
  /** `large`: not for one go, or to be copied (`read`). */
  hash: { terms: Terms; file: ToHash; answer: HashAnswer | { kind: 'large' } };
  move: { terms: Terms; file: ToMove; answer: MoveAnswer };
  free_name: { terms: Terms; file: ToName; answer: NameAnswer };
  /** The hash of a file of any size, of a private copy where a lease cannot tell. */
  read: { terms: Terms; file: ToRead; answer: HashAnswer };
  begin_outputs: { terms: Terms; file: ToBegin; answer: BeginAnswer };
  finish_outputs: { terms: Terms; file: ToFinish; answer: FinishAnswer };
  /** To its target by a copy, or by the bytes that lie there. */
  put: { terms: Terms; file: ToPut; answer: PutAnswer };
  compare: { terms: Terms; file: ToCompare; answer: CompareAnswer };
}

export type Act = keyof Acts;

const LONG: ReadonlySet<Act> = new Set<Act>(['read', 'finish_outputs', 'put', 'compare']);
export const isLong = (act: Act): boolean => LONG.has(act);

/** Where a call of an act hangs when it hangs; '' where that is held against the job in hand. */
export const HANGS_IN: { readonly [A in Act]: PlaceKind | '' } = {
  seal: '',
  hash: '',
  move: 'warehouse',
  free_name: 'warehouse',
  read: '',
  begin_outputs: 'warehouse',
  finish_outputs: 'warehouse',
  put: 'warehouse',
  compare: 'warehouse',
};

export interface Order<A extends Act = Act> {
  act: A;
  roots: Roots;
  terms: Acts[A]['terms'];
  files: readonly Acts[A]['file'][];
}

/** A call was refused. A PlaceError ends the order. */
export interface Failed {
  kind: 'failed';
  error: unknown;
}

/** Not tried: a place fails, or the process drains. */
export interface Stopped {
  kind: 'stopped';
}

/** The thread hangs in a call on this file. `back` resolves when that has ended: until then nobody else may touch the file. */
export interface Hangs {
  kind: 'hangs';
  back: Promise<void>;
}

/** Its thread hangs at another file of the order: it may have been handled, or not. */
export interface Unknown {
  kind: 'unknown';
}

export type No = Failed | Stopped | Hangs | Unknown;

export const isFailed = (answer: { kind: string }): answer is Failed => answer.kind === 'failed';

/** One a file, in their order. */
export type Answer<A extends Act = Act> = Acts[A]['answer'] | No;
