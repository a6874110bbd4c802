/**
 * What a worker and the child process that runs a feed's chain say to each other: Node's IPC, JSON. Names of files are
 * their bytes as latin1 strings.
 */
import type { ProcessOptions } from '../base/config/values/process.js';
import type { Fault } from './formats/fault.js';

export type { Fault, HoldCode } from './formats/fault.js';

/** The first message to the child. Answer: `ready` or `unloadable`. */
export interface ChainMessage {
  kind: 'chain';
  feed: string;
  options: ProcessOptions;
}

/**
 * One file at a time. The child makes DIRECTORY/JOB.out.N.CLAIM, N from 1 in the order in which tags are first met, and
 * closes them before it says `done`; it removes what it made before each other answer.
 */
export interface FileMessage {
  kind: 'file';
  job: string;
  /** Absolute. */
  path: string;
  /** As sentences show it. */
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
  /** The tag as file names have it, percent-encoded. */
  name: string;
  rows: number;
  /** Without a dot. */
  extension: string;
}

export interface Report {
  /** Data records, without the header. */
  records: number;
  /** Of them in the output `reject`. */
  rejected: number;
  columns?: number;
  /** Left out where it is long. */
  header?: string[];
  /** Of its bytes, without BOM and line end. */
  headerSha256?: string;
  outputs: ReportedOutput[];
}

export type ChildMessage =
  /** SHA-256 (hex) of the module's file and the chain's configuration. */
  | { kind: 'ready'; version: string }
  /** The feed's gate: the module cannot be loaded, its factory fails, or the chain does not fit it. Also the answer to a file. */
  | { kind: 'unloadable'; reason: string }
  /** One a second while a file is read. */
  | { kind: 'progress'; job: string; records: number; bytes: number }
  | { kind: 'done'; job: string; report: Report }
  | ({ kind: 'bad'; job: string } & Fault)
  /** The file waits for space. */
  | { kind: 'no_room'; job: string; free: number }
  /** A call failed; the file is tried again. */
  | { kind: 'failed'; job: string; errno?: string; reason: string };
