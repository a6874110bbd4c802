/**
 * What the ingestor keeps in a job's payload. Everything a job may touch on disk follows from this row (files/places.ts).
 * Does not: hold anything that must be exact over 2^53 as a number; such values are decimal strings.
 */

/** `DEV:INO:SIZE:MTIME_NS:CTIME_NS` of a regular file: two equal ones are the same unchanged file. */
export type FileIdentity = string;

/** Since when a file has been seen unchanged, on our own clock. The stability window is measured from here. */
export interface Observation {
  identity: FileIdentity;
  /** Boot-clock ms, and the boot that it belongs to: after a reboot the window starts anew. */
  sinceMs: number;
  boot: string;
  /** How the last event brought it: a rename into place needs no settling (`settleMs`). */
  by: 'rename' | 'write' | 'scan';
}

/** The payload with which the producer enqueues a candidate. */
export interface CandidatePayload {
  seen: Observation;
}
