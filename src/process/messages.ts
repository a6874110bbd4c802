/** What a worker and the child process that runs a feed's chain say to each other (Node's IPC, JSON). Names of bytes are latin1 strings. */
import type { ProcessOptions } from '../base/config/values/process.js';

export interface ChainMessage {
  kind: 'chain';
  feed: string;
  options: ProcessOptions;
}
export interface FileMessage {
  kind: 'file';
  job: string;
  path: string;
  name: string;
  size: number;
  directory: string;
  claim: number;
  minFreeBytes: number;
}
export interface ReportedOutput {
  n: number;
  tag: string;
  name: string;
  rows: number;
  extension: string;
}
export interface Report {
  records: number;
  rejected: number;
  columns?: number;
  header?: string[];
  headerSha256?: string;
  outputs: ReportedOutput[];
}
export type ChildMessage =
  | { kind: 'ready'; version: string }
  | { kind: 'unloadable'; reason: string }
  | { kind: 'progress'; job: string; records: number; bytes: number }
  | { kind: 'done'; job: string; report: Report }
  | {
      kind: 'bad';
      job: string;
      code: string;
      reason: string;
      line?: number;
      column?: number;
      byte?: number;
      excerpt?: string;
    }
  | { kind: 'no_room'; job: string; free: number }
  | { kind: 'failed'; job: string; errno?: string; reason: string };
