/**
 * What the ingestor keeps in a job's payload. Everything a job may touch on disk follows from this row (files/places.ts).
 * Does not: hold anything that must be exact over 2^53 as a number; such values are decimal strings.
 */
import type { Payload } from '../../../queue/backend.js';

/** `DEV:INO:SIZE:MTIME_NS:CTIME_NS` of a regular file: two equal ones are the same unchanged file. */
export type FileIdentity = string;

/** Since when a file has been seen unchanged, on our own clock. The stability window is measured from here. */
export interface Observation {
  identity: FileIdentity;
  /** Boot-clock ms, and the boot that it belongs to: after a reboot the window starts anew. */
  sinceMs: number;
  boot: string;
  /** How the last event brought it: a rename into place needs no quiet time (`quietMs`). */
  by: 'rename' | 'write' | 'scan' | 'sidecar';
}

/** How it is known that the bytes did not change after the seal: the kernel said that no writer was left, or we copied them. */
export type SealKind = 'lease' | 'copy';

export interface Sealed {
  /** The file as it was verified; size and mtime must stay so. */
  identity: FileIdentity;
  kind: SealKind;
  /** Why a lease could not tell; only with `copy`. */
  because?: string;
  /** Its sidecar lies beside it in the work folder. */
  sidecar?: boolean;
  /** A window that runs inside `underprocess/`: a writer was met, the file changed, or a private copy is to be made. */
  window?: Observation;
  /** The private copy is whole, under its own name. */
  copied?: boolean;
}

/** What was decided of the job; from then on only its files have to be put away. */
export interface PutAway {
  kind: 'stored' | 'duplicate' | 'discarded' | 'withdrawn';
  /** A duplicate has it: where the content is. */
  of?: string;
  /** `of` is below the warehouse of this other host of the shared ledger. */
  host?: string;
  /** `record_pruned` for a duplicate: `of` is the manifest with its line. For a withdrawal: why. */
  note?: string;
  /** A withdrawal has it: who said so. */
  by?: string;
  /** Set where an operator discarded a withdrawal: what lies at its path stays there. */
  leave?: true;
}

export interface JobFacts {
  /** Until it is sealed; all that the producer enqueues a candidate with. */
  seen?: Observation;
  /** The mount below the input whose own work directory holds the file; '' = the feed's work directory. Bytes as chars. */
  inside?: string;
  sealed?: Sealed;
  /** SHA-256 (hex) that the sidecar demands. */
  demanded?: string;
  /** Its sealed sidecar could not be read when the file was found: what it demands is not known yet. */
  unread?: true;
  sha256?: string;
  /** Row of its content in the ledger. */
  content?: number;
  /** Counts and outputs of its content are recorded (src/ingest/outputs/). */
  processed?: true;
  /** How often the process of its chain ended with it. */
  chainDeaths?: number | undefined;
  /** How often another host was met on its way with the content. */
  elsewhere?: number;
  /** How often in a row a writer was met. */
  refusals?: number;
  /** How often there was no room for a copy of it. */
  noRoom?: number;
  /**
   * The last `claimNo` of which it is known that it moved nothing: only a later one can have renamed anything. Claims for `manifest` may go
   * on into `move`, once the line is confirmed.
   */
  moveAfter?: number;
  putAway?: PutAway;
}

/** Facts as a payload for the row. */
export const payloadOf = (facts: JobFacts): Payload => facts as unknown as Payload;
