/**
 * The messages between a parent and its children over the IPC channel. Nothing else passes between them: signals
 * reach the parent alone, and a child's logs go straight to stderr.
 */
import type { OwnerId } from '../../../queue/backend.js';
import type { Config } from '../config/options.js';
import type { IngestStage } from '../config/values/stage-names.js';
import type { ExitCode } from '../errors.js';
import type { FileInProgress } from '../telemetry/progress.js';

export type Role = 'producer' | 'worker' | 'dashboard' | 'notifier';

export interface Init {
  kind: 'init';
  role: Role;
  /** The stages that a worker runs, in the pipeline's order. */
  stages: IngestStage[];
  config: Config;
  /** The child ends if this is not its parent any more. */
  parentPid: number;
  /** `lines`: for a terminal. `json`: bunyan. */
  logs: 'json' | 'lines';
}

export type ParentMessage =
  | Init
  /** Finish the work in progress, then end with 0. */
  | { kind: 'drain' }
  /** End now: give up the work in progress; it does not count as a crash. */
  | { kind: 'stop' };

/** A bounded list: how many, and the first of them. */
export interface Named {
  count: number;
  names: string[];
}

/** The files and folders that `--once` ended without. */
export interface OnceDone {
  kind: 'once_done';
  held: Named;
  /** Still open for writing after the wait. */
  open: Named;
  withoutSidecar: Named;
  /** In feeds that the configuration does not have; their names are those of the feeds. */
  others: Named;
  /** Files with the sign of a cut upload, whose window is longer than a run waits. */
  partial: Named;
  /** Files with the content of one that is held. */
  twins: Named;
  /** Stored files that wait for a bucket that cannot be used. */
  unpublished: Named;
  /** Folders that could not be read, and files that could not be looked at. */
  unread: Named;
}

/** State-wide figures for the line of progress. */
export interface Progress {
  kind: 'progress';
  filesDone: number;
  bytesDone: number;
  /** Files on the way, in all stages; without the held ones. */
  filesLeft: number;
  /** Their bytes, without the part that was read already. */
  bytesLeft: number;
  held: number;
  /** The bytes that were read of the files that are left. */
  bytesRead: number;
  /** The largest file in progress, and how far its stage has read it. */
  largest?: FileInProgress | undefined;
  /** The stages that take no job just now: their place fails, or an operator paused them. */
  closed: { stage: string; code: string }[];
  /** The waiting files by reason, in words. */
  waits: string;
  /** The file that is checked next. For a file that is `open` for writing or `growing`, no time says when it is complete. */
  waiting?: { path: string; seconds: number; writer: 'open' | 'growing' | undefined };
}

export type ChildMessage =
  /** The state is open; the heartbeats are in that file, in this owner's slot. */
  | { kind: 'ready'; owner: OwnerId; ownersPath: string }
  | OnceDone
  | Progress
  /** The state is brought up to date before it is open: this takes as long as it takes, without heartbeats. */
  | { kind: 'migrates' }
  /** The role has returned: a process that is still there a moment later hangs in a system call. */
  | { kind: 'returned' }
  /** Ends with `exitCode` because of something that a person must change; the parent prints it. */
  | { kind: 'fatal'; code: string; message: string; exitCode: ExitCode };
