/** The options as the rest of the program sees them, after flags, environment and file were merged and checked. */
import type { DashboardOptions } from './dashboard.js';
import type { NotifyOptions } from './notify.js';
import type { Shell } from './paste.js';
import type { Expectation } from './values/expect.js';
import type { ProcessOptions } from './values/process.js';

export type Mode = 'stability' | 'sidecar';

export interface FeedOptions {
  /** `default` when flags alone make the feed. */
  name: string;
  /** Absolute, real paths. */
  input: string;
  warehouse: string;
  manifests: string;
  /** The paths that lead through a symlink, as they were given. */
  links?: { [option in 'input' | 'warehouse' | 'manifests']?: string };
  /** Absolute; chosen by ingest/upkeep/roots when it was not given. */
  workDir: string | undefined;
  mode: Mode;
  stabilitySeconds: number;
  quietMs: number;
  /** How long a file with the sign of a cut upload must not have changed. Undefined in what an older version recorded. */
  partialUploadSeconds?: number;
  sidecarSuffix: string;
  order: 'arrival' | 'name' | 'size' | 'newest';
  recursive: boolean;
  include: string[];
  exclude: string[];
  minBytes: number;
  maxBytes: number;
  onDuplicate: 'archive' | 'delete';
  onEmpty: 'duplicate' | 'hold';
  /** Undefined: never. */
  sameContentAgainAfterMs: number | undefined;
  preserveSubdirs: boolean;
  /** `_SUCCESS` in hours and partitions that are complete. Undefined in what an older version recorded. */
  successMarkers?: boolean;
  /** The space that stays free on the filesystems of warehouse and manifests. */
  minFreeBytes: number;
  minFreeInodes: number;
  /** Undefined: for ever, and however many. */
  keepDuplicatesMs: number | undefined;
  duplicatesMaxBytes: number | undefined;
  keepFailedMs: number | undefined;
  failedMaxBytes: number | undefined;
  /** IANA name. */
  timezone: string;
  poll: boolean;
  /** undefined: 300 with inotify, 5 without. */
  scanIntervalSeconds: number | undefined;
  /** The chain that each new content goes through. */
  process?: ProcessOptions | undefined;
  /** Undefined where a state recorded the feed before there were any. */
  expect?: Expectation[];
}

export interface ServiceOptions {
  statePath: string;
  logLevel: string;
  /** Worker processes that each run all stages. */
  concurrency: number;
  /** Processes of single stages instead; undefined when not given. */
  workers: Record<string, number> | undefined;
  maxAttempts: number;
  stallSeconds: number;
  /** All workers of the state share it; 0: unbounded. */
  maxBytesPerSecond: number;
  stateMinFreeBytes: number;
  /** Undefined: for ever. */
  keepHistoryMs: number | undefined;
  metricsIntervalSeconds: number;
  once: boolean;
  dryRun: boolean;
  trace: boolean;
  /** Undefined: none. */
  dashboard: DashboardOptions | undefined;
  /** Undefined: nobody is notified of alarms. */
  notify: NotifyOptions | undefined;
  /** The shell for the commands that logs, pages and alarms name. */
  shell: Shell;
}

export interface Config {
  feeds: FeedOptions[];
  service: ServiceOptions;
}
