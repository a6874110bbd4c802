/**
 * The messages between a worker and the child process that runs a feed's chain: Node's IPC, JSON. File names are their bytes
 * as latin1 strings.
 */
import type { ProcessOptions } from '../base/config/values/process.js';
import type { Fault } from './formats/fault.js';

export type { Fault, HoldCode } from './formats/fault.js';

/** The first message to the child. Answer: `ready` or `unloadable`. Only then it gets files. */
export interface ChainMessage {
  kind: 'chain';
  feed: string;
  options: ProcessOptions;
}

/**
 * One file at a time. Answers: `begun`, then one of the others; or `refused`; or `unloadable`. The child creates DIRECTORY/JOB.out.N.CLAIM, N from 1 in the order in which tags first occur. It
 * closes them before it answers `done`, and removes them before any other answer.
 */
export interface FileMessage {
  kind: 'file';
  job: string;
  /** Absolute. */
  path: string;
  /** The name as sentences show it. */
  name: string;
  size: number;
  /** Absolute. */
  directory: string;
  claim: number;
  minFreeBytes: number;
}

export type ParentMessage = ChainMessage | FileMessage;

export interface ReportedOutput {
  n: number;
  tag: string;
  /** The tag as written in file names, percent-encoded. */
  name: string;
  rows: number;
  /** Without a dot. */
  extension: string;
}

export interface Report {
  /** Data records, without the header. */
  records: number;
  /** The number of records in the output `reject`. */
  rejected: number;
  /** Why the first of them was, where a built-in step knows it. */
  firstRejected?: string | undefined;
  columns?: number;
  /** Left out if it is long. */
  header?: string[];
  /** SHA-256 (hex) of the header's bytes, without BOM and line end. */
  headerSha256?: string;
  outputs: ReportedOutput[];
}

export type ChildMessage =
  /** SHA-256 (hex) of the module's file and the chain's configuration. */
  | { kind: 'ready'; version: string }
  /** Closes the feed's gate: the module cannot be loaded, or fails outside of any file. Also an answer to a file. */
  | { kind: 'unloadable'; reason: string }
  /** The module has no steps for this file, or the chain does not fit them. Other files show whose fault it is. */
  | { kind: 'refused'; job: string; reason: string }
  /** The module has answered its steps. What happens from now on may be the fault of this file. */
  | { kind: 'begun'; job: string }
  /** Sent once a second while a file is read. */
  | { kind: 'progress'; job: string; records: number; bytes: number }
  | { kind: 'done'; job: string; report: Report }
  | ({ kind: 'bad'; job: string } & Fault)
  /** The file waits for space. */
  | { kind: 'no_room'; job: string; free: number }
  /** A call failed; the file is tried again. `ofOutput`: the filesystem of the outputs refused it. */
  | { kind: 'failed'; job: string; errno?: string; ofOutput?: boolean; reason: string };
