/**
 * The facts that the ingestor keeps in a job's payload. All paths that a job may touch on disk follow from them (src/files/job-paths.ts).
 * Guarantees: a value that must be exact above 2^53 is a decimal string, never a number.
 */
import type { Job, Payload } from '../../../queue/backend.js';
import { type ByteName, nameOfBytes } from '../../linux/index.js';

/** `DEV:INO:SIZE:MTIME_NS:CTIME_NS` of a regular file. Equal identities mean the same, unchanged file. */
export type FileIdentity = string;

/** The time since which a file has been seen unchanged, on our own clock. The stability window starts there. */
export interface Observation {
  identity: FileIdentity;
  /** Boot-clock ms, and the boot that it belongs to. After a reboot the window starts again. */
  sinceMs: number;
  boot: string;
  /** How the file was noticed last. A rename into place needs no extra wait (`quietMs`). */
  by: 'rename' | 'write' | 'scan' | 'sidecar';
}

/** Why the bytes cannot have changed since the seal: the kernel found no writer (`lease`), or we copied the file (`copy`). */
export type SealKind = 'lease' | 'copy';

export interface Sealed {
  /** The file as it was verified; its size and mtime must not change. */
  identity: FileIdentity;
  kind: SealKind;
  /** Why a lease could not answer; only with `copy`. */
  because?: string;
  /** Its sidecar lies beside it in the work folder. */
  sidecar?: boolean;
  /** A quiet window that runs in `underprocess/`: a writer was found, the file changed, or a private copy is needed. */
  window?: Observation;
  /** The private copy is complete and has its own name. */
  copied?: boolean;
}

/** The end that was decided for the job. After that only its files are left to put away. */
export interface PutAway {
  kind: 'stored' | 'duplicate' | 'discarded' | 'withdrawn';
  /** For a duplicate: where the content is. */
  of?: string;
  /** For a duplicate: `record_pruned`, if `of` is the manifest with its line; `withdrawn`, if that file was taken out; `elsewhere`, if another host
   * has it. For a withdrawal: the reason. */
  note?: string;
  /** For a withdrawal: the operator. */
  by?: string;
  /** The file at its path stays there: an operator discarded the withdrawal. Or only where it has other bytes: it begins again. */
  leave?: true | 'foreign';
}

/** The file was hashed, and is held because its sidecar demands another SHA-256, or an unclear one. */
export interface Unproven {
  /** Its SHA-256 (hex): a sidecar that demands it releases the file. */
  sha256: string;
  /** The version of a sidecar in the input that the producer offers. */
  offered?: string;
  /** The last version that was offered and not taken. */
  refused?: string;
}

export interface JobFacts {
  /** Until the file is sealed. The producer enqueues a candidate with this alone. */
  seen?: Observation;
  /** The mount below the input whose own work directory has the file; '' = the feed's work directory. Bytes as chars. */
  inside?: string;
  sealed?: Sealed;
  /** The SHA-256 (hex) that the sidecar demands. */
  demanded?: string;
  /** The sidecar has a checksum that is not understood. */
  unclear?: true;
  unproven?: Unproven;
  /** The checksum of the sealed sidecar is not known yet: it could not be read, or may still be written. It is read after the file. */
  unread?: true;
  sha256?: string;
  /** Row of its content in the ledger. */
  content?: number;
  /** The counts and outputs of its content are recorded (src/ingest/chains/). */
  processed?: true;
  /** How often the chain's process died while it worked on this job alone. Once it is set (0 too), the job gets a process of its own. */
  chainDeaths?: number | undefined;
  /** The host that has its content under way. */
  carriedBy?: string | undefined;
  /** How often in a row somebody was writing the file. */
  refusals?: number;
  /** How often there was no room for a copy of the file. */
  noRoom?: number;
  /** The bytes that the copy needs: those of the file without its holes. */
  copyBytes?: number;
  putAway?: PutAway;
}

/** Facts as a payload for the row. */
export const payloadOf = (facts: JobFacts): Payload => facts as unknown as Payload;

export const factsOf = ({ payload }: Pick<Job, 'payload'>): JobFacts => payload as unknown as JobFacts;

/** The parts of the names that a job's files have in its work directory. */
export const workKeyOf = (
  job: Pick<Job, 'id' | 'key' | 'payload'>,
): { id: string; path: ByteName; inside: ByteName } => ({
  id: job.id,
  path: nameOfBytes(job.key),
  inside: (factsOf(job).inside ?? '') as ByteName,
});
