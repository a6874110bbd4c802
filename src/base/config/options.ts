/**
 * The options as the rest of the program sees them, after flags, environment and file were merged and checked: by the names of the
 * schema in camel case, but for those that are named here.
 */
import type { DashboardOptions } from './dashboard.js';
import type { NotifyOptions } from './notify.js';
import type { Shell } from './paste.js';
import type { FeedValues, ServiceValues } from './schema.js';
import type { Expectation } from './values/expect.js';
import type { ProcessOptions } from './values/process.js';

type Folders = 'input' | 'warehouse' | 'manifests';
type Kept = 'keepDuplicates' | 'keepFailed' | 'sameContentAgainAfter' | 'keepLocal';
/** A state may have recorded the feed before there were these. */
type Younger =
  | 'partialUploadSeconds'
  | 'successMarkers'
  | 'sharedLedger'
  | 'publish'
  | 'publishEndpoint'
  | 'publishRegion'
  | 'publishPathStyle';
type FeedGiven = InCamelCase<FeedValues>;

export type FeedOptions = Omit<FeedGiven, Folders | Kept | Younger | 'process' | 'expect'> &
  Partial<Pick<FeedGiven, Younger>> & {
    /** `default` when flags alone make the feed. */
    name: string;
    /** Absolute, real paths. */
    input: string;
    warehouse: string;
    manifests: string;
    /** The paths that lead through a symlink, as they were given. */
    links?: { [option in Folders]?: string };
    /** Absolute; chosen by ingest/upkeep/roots when it was not given. */
    workDir: string | undefined;
    /** Undefined: never; for ever. */
    sameContentAgainAfterMs: number | undefined;
    keepLocalMs?: number | undefined;
    keepDuplicatesMs: number | undefined;
    keepFailedMs: number | undefined;
    /** The chain that each new content goes through. */
    process?: ProcessOptions | undefined;
    /** Undefined where a state recorded the feed before there were any. */
    expect?: Expectation[];
  };

type Asked = 'stage' | 'keepHistory' | 'dashboardTokenFile' | 'dashboardHosts';
type Notified = 'notifyCommand' | 'notifyWebhook' | 'notifySecretFile';

export type ServiceOptions = Omit<
  InCamelCase<ServiceValues>,
  Asked | Notified | 'statePath' | 'workers' | 'dashboard'
> & {
  statePath: string;
  /** Processes of single stages; undefined when not given. */
  workers: Record<string, number> | undefined;
  /** Undefined: for ever. */
  keepHistoryMs: number | undefined;
  /** Undefined: none. */
  dashboard: DashboardOptions | undefined;
  /** Undefined: nobody is notified of alarms. */
  notify: NotifyOptions | undefined;
  /** The shell for the commands that logs, pages and alarms name. */
  shell: Shell;
};

export interface Config {
  feeds: FeedOptions[];
  service: ServiceOptions;
}

/** The names of options as the program has them: `keep-history` is `keepHistory`. */
type Camel<Name extends string> = Name extends `${infer Head}-${infer Rest}`
  ? `${Head}${Capitalize<Camel<Rest>>}`
  : Name;

export type InCamelCase<T> = { [Name in keyof T & string as Camel<Name>]: T[Name] };

export const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

export const inCamelCase = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value])) as InCamelCase<T>;
