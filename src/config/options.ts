/** The options as the rest of the program sees them, after flags, environment and file were merged and checked. */
import type { DashboardOptions } from './dashboard.js';

export type Mode = 'stability' | 'sidecar';

export interface FeedOptions {
  /** `default` when flags alone make the feed. */
  name: string;
  /** Absolute, real paths. */
  input: string;
  warehouse: string;
  manifests: string;
  /** Absolute; chosen by ledger/roots when it was not given. */
  workDir: string | undefined;
  mode: Mode;
  stabilitySeconds: number;
  settleMs: number;
  sidecarSuffix: string;
  order: 'arrival' | 'name' | 'size' | 'newest';
  recursive: boolean;
  include: string[];
  exclude: string[];
  minBytes: number;
  maxBytes: number;
  onDuplicate: 'archive' | 'delete';
  onEmpty: 'duplicate' | 'hold';
  preserveSubdirs: boolean;
  /** What stays free of the filesystems of warehouse and manifests. */
  minFreeBytes: number;
  minFreeInodes: number;
  /** IANA name. */
  timezone: string;
  poll: boolean;
  /** undefined: 300 with inotify, 5 without. */
  scanIntervalSeconds: number | undefined;
}

export interface ServiceOptions {
  statePath: string;
  logLevel: string;
  /** Worker processes that each run all four stages. */
  concurrency: number;
  /** Processes of single stages instead; undefined when not given. */
  workers: Record<string, number> | undefined;
  maxAttempts: number;
  stallSeconds: number;
  /** Of all workers of the state together; 0: unbounded. */
  maxBytesPerSecond: number;
  stateMinFreeBytes: number;
  metricsIntervalSeconds: number;
  once: boolean;
  dryRun: boolean;
  trace: boolean;
  /** Undefined: none. */
  dashboard: DashboardOptions | undefined;
}

export interface Config {
  feeds: FeedOptions[];
  service: ServiceOptions;
}
