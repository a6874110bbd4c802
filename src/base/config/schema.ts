/**
 * The one schema of every option: flags, INGEST_* environment and YAML file are all read through it, and --help,
 * the refusals and the tests of wrong values are made from it.
 * Does not: read the disk; directories.ts does.
 */
import { availableParallelism } from 'node:os';
import { addressOf } from './dashboard.js';
import { duration, durationIfGiven, size } from './measures.js';
import { commandOf, webhookOf } from './notify.js';
import { expectationText, parseExpectation } from './values/expect.js';
import { chain, choice, type Field, isText, list, text, textOr, toggle, whole } from './values/field.js';
import { faultOfGlob } from './values/globs.js';
import { limits } from './values/limits.js';
import { STAGE_NAMES } from './values/stage-names.js';

/** The work of a worker process: one stage, or all of them. */
export const WORKERS = ['all', ...STAGE_NAMES] as const;

const FOLDERS = 'Directories';
const COMPLETE = 'When a file is complete';
const WHICH = 'Which files';
const OUTCOME = 'What becomes of a file';
const RUNNING = 'How it runs';
const PROTECTING = 'Free space';
const KEEPING = 'How long things are kept';
export const STATE = 'State and logs';
const VIEW = 'What is shown or changed';
const DASHBOARD = 'Dashboard';
const ALARMS = 'Alarms';
const MIRROR = 'What the mirror does';
const GENERAL = 'Configuration and help';
/** The headings of --help, the most used first. */
export const GROUPS = [
  VIEW,
  MIRROR,
  FOLDERS,
  COMPLETE,
  WHICH,
  OUTCOME,
  RUNNING,
  STATE,
  DASHBOARD,
  ALARMS,
  KEEPING,
  PROTECTING,
  GENERAL,
] as const;

const directory = (description: string, example: string, extra: { defaultText?: string } = {}) =>
  text({
    ...{ group: FOLDERS, description, rule: 'the path of a directory', example, placeholder: 'DIR' },
    isPath: true,
    ...extra,
  });

/** The fields of each option that names a file. */
const FILE = { rule: 'the path of a file', isPath: true, placeholder: 'FILE' } as const;

const glob = (description: string, example: string) =>
  list(
    {
      group: WHICH,
      description,
      rule: `a glob pattern of 1 to ${limits.globBytesMax} characters for paths below a folder (no slash at its front or end, no ! at its front), at most ${limits.globsMax} of them`,
      example,
      placeholder: 'GLOB',
    },
    (pattern) => isText(pattern) && pattern.length <= limits.globBytesMax && faultOfGlob(pattern) === undefined,
    limits.globsMax,
  );

export const feedFields = {
  input: directory('The directory where uploads arrive.', '/data/staging'),
  warehouse: directory('The directory where complete files go, by date.', '/data/warehouse'),
  manifests: directory('The directory for manifest lines, by hour.', '/data/manifests'),
  'work-dir': directory('The directory for files in progress, on the mount of --input.', '/data/.staging.ingest', {
    defaultText: '.NAME.ingest beside --input',
  }),
  mode: choice(
    {
      group: COMPLETE,
      description:
        'How a file is known to be complete. stability: nothing has changed it for --stability-seconds. sidecar: its sidecar is there.',
    },
    ['stability', 'sidecar'],
  ),
  'stability-seconds': duration(
    { group: COMPLETE, description: 'How long a file must be unchanged. 0: no wait.' },
    { unit: 's', min: 0, max: limits.stabilitySecondsMax, fallback: 10 },
  ),
  'quiet-ms': duration(
    {
      group: COMPLETE,
      description:
        'How long after its last write a file is left alone, in both modes. A file that was renamed into place needs no such time.',
    },
    { unit: 'ms', min: 0, max: limits.quietMsMax, fallback: 1_000 },
  ),
  'partial-upload-seconds': duration(
    {
      group: COMPLETE,
      description:
        'The same for a file with an mtime of 0, as a cut rsync --partial leaves it. A checksum in its sidecar ends the wait.',
    },
    { unit: 's', min: 0, max: limits.stabilitySecondsMax, fallback: 3_600 },
  ),
  'sidecar-suffix': textOr(
    '.ok',
    {
      group: COMPLETE,
      description: 'A sidecar has the name of its file and this suffix.',
      rule: `a suffix of 2 to ${limits.sidecarSuffixBytesMax} characters that begins with a dot and has no slash`,
      example: '.ok',
      placeholder: 'SUFFIX',
    },
    (suffix) => /^\.[^/\0]+$/.test(suffix) && Buffer.byteLength(suffix) <= limits.sidecarSuffixBytesMax,
  ),
  order: choice(
    {
      group: RUNNING,
      description: 'Which complete files are taken first, where many wait. One batch in four begins with the oldest.',
    },
    ['arrival', 'name', 'size', 'newest'],
  ),
  recursive: toggle({ group: WHICH, description: 'Take files from directories below --input too.' }, true),
  include: glob('Take only files that match. May be given again.', '*.csv'),
  exclude: glob('Leave files that match where they are. May be given again.', 'draft-*'),
  'min-bytes': size({ group: WHICH, description: 'Leave smaller files where they are.' }, { min: 0, fallback: 0 }),
  'max-bytes': size(
    { group: WHICH, description: 'Hold larger files; nothing of them is read.', defaultText: '1TiB' },
    { min: 1, fallback: limits.fileBytesMax },
  ),
  poll: toggle(
    { group: WHICH, description: 'Never use inotify, only scan. Chosen by itself on NFS and the like.' },
    false,
  ),
  'scan-interval-seconds': duration(
    {
      group: WHICH,
      description: 'How often the whole input is scanned.',
      defaultText: '5m, or 5s with --poll',
      example: '5m',
    },
    { unit: 's', min: 0.1, max: limits.scanIntervalSecondsMax, fallback: undefined },
  ),
  'on-duplicate': choice(
    {
      group: OUTCOME,
      description:
        'archive: put a file whose content is stored already into duplicates/ of the work directory. delete: delete it.',
    },
    ['archive', 'delete'],
  ),
  'on-empty': choice(
    { group: OUTCOME, description: 'Treat every empty file after the first as a duplicate, or hold it.' },
    ['duplicate', 'hold'],
  ),
  'same-content-again-after': durationIfGiven({
    group: OUTCOME,
    description: 'Ingest a stored content once more if it comes again this long after it was last ingested.',
    example: '20h',
    defaultText: 'never',
  }),
  'preserve-subdirs': toggle(
    { group: OUTCOME, description: 'Keep the subdirectories of --input in the warehouse.' },
    false,
  ),
  'min-free-bytes': size(
    {
      group: PROTECTING,
      description:
        'Stop before the filesystem of the warehouse or the manifests has less free space. 0: stop only when it is full.',
    },
    { min: 0, fallback: 0 },
  ),
  'min-free-inodes': whole(
    { group: PROTECTING, description: 'The same for free inodes, where the filesystem counts them.' },
    { min: 0, max: limits.byteCountMax, unit: 'inodes', fallback: 0 },
  ),
  'success-markers': toggle(
    {
      group: OUTCOME,
      description: 'Write _SUCCESS into each manifest hour and each partition that is over and complete.',
    },
    false,
  ),
  'keep-duplicates': durationIfGiven({
    group: KEEPING,
    description:
      'Remove duplicates this long after they came. Only files in duplicates/ whose content is known to be stored.',
    defaultText: 'for ever',
  }),
  'duplicates-max-bytes': size(
    {
      group: KEEPING,
      description: 'Keep no more than this in duplicates/. The oldest files go first, under the same condition.',
      defaultText: 'no bound',
    },
    { min: 0, fallback: undefined },
  ),
  'keep-failed': durationIfGiven({
    group: KEEPING,
    description: 'Remove discarded files after this time. They lie in failed/, and there is no other copy.',
    defaultText: 'for ever',
  }),
  'failed-max-bytes': size(
    {
      group: KEEPING,
      description: 'Keep no more than this in failed/. The oldest files go first, and are lost.',
      defaultText: 'no bound',
    },
    { min: 0, fallback: undefined },
  ),
  process: chain({
    group: OUTCOME,
    description:
      'Check, split and process each new file record by record, as this YAML file says (docs/processing.md).',
    rule: 'the path of a YAML file with a chain, or in the file of options the chain itself',
    isPath: true,
    example: '/etc/atomic-ingestor/orders.yaml',
    placeholder: 'FILE',
    defaultText: 'none',
  }),
  timezone: textOr(
    'UTC',
    {
      group: OUTCOME,
      description: 'The time zone whose days and hours name the folders of warehouse and manifests.',
      rule: 'an IANA time zone',
      example: 'Europe/Berlin',
      placeholder: 'ZONE',
    },
    isTimezone,
  ),
  expect: list(
    {
      group: ALARMS,
      description: 'What has to arrive by when, in --timezone; otherwise the feed is late. May be given again.',
      rule: `GLOB by HH:MM [from HH:MM] [on DAYS], or GLOB every N and m, h or d, at most ${limits.expectationsMax} of them`,
      example: 'orders-*.csv by 06:30 on mon-fri',
      placeholder: 'EXPECTATION',
    },
    (text) => parseExpectation(text) !== undefined,
    limits.expectationsMax,
    expectationText,
  ),
} satisfies Record<string, Field>;

export const serviceFields = {
  once: toggle(
    {
      group: RUNNING,
      description: 'End when all files are done. Where a stage is paused or a folder cannot be used, wait for it.',
    },
    false,
  ),
  'dry-run': toggle({ group: RUNNING, description: 'Print what would be done; change nothing at all.' }, false),
  concurrency: whole(
    {
      group: RUNNING,
      description: 'Threads of a worker process of all stages. Each one hashes or copies one large file.',
      defaultText: 'the cores, at most 4',
      example: '4',
    },
    { min: 1, max: limits.threadsMax, unit: 'threads', fallback: Math.min(availableParallelism(), 4) },
  ),
  workers: text(
    {
      group: RUNNING,
      description: `Worker processes: all=N that run all stages, or N processes of single stages (${STAGE_NAMES.join(', ')}). A stage that is not named has one.`,
      suggests: WORKERS.map((stage) => `${stage}=`),
      rule: `a list STAGE=N,… with stages out of ${WORKERS.join(', ')} and N from 1 to ${limits.processesMax}`,
      example: 'hash=2,move=1',
      placeholder: 'STAGE=N,…',
      defaultText: 'all=1',
    },
    (value) => parseWorkers(value) !== undefined,
  ),
  stage: list(
    {
      group: RUNNING,
      description: `Run only this stage, in N processes. The stages: ${STAGE_NAMES.join(', ')}. May be given again.`,
      rule: `STAGE or STAGE=N with a stage out of ${WORKERS.join(', ')} and N from 1 to ${limits.processesMax}`,
      example: 'hash=2',
      placeholder: 'STAGE[=N]',
      suggests: WORKERS,
      defaultText: 'all',
    },
    (value) => parseWorkers(value) !== undefined,
    STAGE_NAMES.length,
  ),
  'max-attempts': whole(
    { group: RUNNING, description: 'Hold a file after this many failed attempts.' },
    { min: 1, max: limits.attemptsMax, unit: 'attempts', fallback: 8 },
  ),
  'stall-seconds': duration(
    {
      group: RUNNING,
      description:
        'A call without progress for so long is reported. A process without a heartbeat for so long is killed and replaced.',
    },
    { unit: 's', min: limits.stallSecondsMin, max: limits.stallSecondsMax, fallback: 60 },
  ),
  'max-bytes-per-second': size(
    {
      group: RUNNING,
      description: 'The rate limit for reading and copying, of all workers of a state together. 0: no limit.',
    },
    { min: 0, fallback: 0 },
  ),
  'state-min-free-bytes': size(
    {
      group: PROTECTING,
      description: 'Stop before the filesystem of the state has less free space. 0: stop only when it is full.',
    },
    { min: 0, fallback: 0 },
  ),
  'keep-history': durationIfGiven({
    group: KEEPING,
    description: 'Forget the history of a file so long after its end. Of its content only the hash stays known.',
    defaultText: 'for ever',
  }),
  'state-path': text({
    group: STATE,
    description: 'The database of queue and ledger. It lies on a local filesystem.',
    ...FILE,
    example: '/var/lib/atomic-ingestor/state.db',
    placeholder: 'PATH',
    defaultText: 'a file of its own for each --input below ~/.local/state',
  }),
  'log-level': choice({ group: STATE, description: 'The least severe log line that is written.' }, [
    'info',
    'trace',
    'debug',
    'warn',
    'error',
    'fatal',
  ]),
  'metrics-interval-seconds': duration(
    { group: STATE, description: 'How often the event `metrics` is written to the log.' },
    { unit: 's', min: 0.1, max: limits.metricsIntervalSecondsMax, fallback: 10 },
  ),
  trace: toggle({ group: STATE, description: 'Log every step of every stage for every file.' }, false),
  dashboard: text(
    {
      group: DASHBOARD,
      description: 'Serve the dashboard at this address. An address that other machines can reach needs a token.',
      rule: 'PORT or HOST:PORT with a port from 1 to 65535',
      example: '8000',
      placeholder: '[HOST:]PORT',
      defaultText: 'none; of ingest-dashboard 8000',
    },
    (value) => addressOf(value) !== undefined,
  ),
  'dashboard-token-file': text({
    group: DASHBOARD,
    description: 'A file with the token that requests must bring. INGEST_DASHBOARD_TOKEN is the other way.',
    ...FILE,
    example: '/etc/atomic-ingestor/token',
    defaultText: 'none',
  }),
  'dashboard-hosts': list(
    {
      group: DASHBOARD,
      description: 'A name under which a proxy reaches the dashboard. May be given again.',
      rule: `a host name, at most ${limits.dashboardHostsMax} of them`,
      example: 'ingest.example.org',
      placeholder: 'NAME',
    },
    (name) => /^[A-Za-z0-9.-]{1,253}$/.test(name),
    limits.dashboardHostsMax,
  ),
  'notify-command': text(
    {
      group: ALARMS,
      description:
        'Run this program for alarms, with a JSON document on its standard input. It is run without a shell: no quotes, no pipes.',
      rule: `the absolute path of a program, with arguments parted by blanks, in at most ${limits.notifyCharsMax} characters without quotes and signs of a shell`,
      example: '/usr/local/bin/notify-operators',
      placeholder: 'COMMAND',
      defaultText: 'none',
    },
    (value) => commandOf(value) !== undefined,
  ),
  'notify-webhook': text(
    {
      group: ALARMS,
      description: 'POST alarms to this address, as JSON.',
      rule: `an address that begins with https:// or http://, without a user name, of at most ${limits.notifyCharsMax} characters`,
      example: 'https://example.org/alarms',
      placeholder: 'URL',
      defaultText: 'none',
    },
    (value) => webhookOf(value) !== undefined,
  ),
  'notify-secret-file': text({
    group: ALARMS,
    description: 'A file with the secret that signs webhooks (or INGEST_NOTIFY_SECRET).',
    ...FILE,
    example: '/etc/atomic-ingestor/notify.secret',
    defaultText: 'none',
  }),
} satisfies Record<string, Field>;

/** Options of commands that show or change a state; flags only. */
export const viewFields = {
  json: toggle({ group: VIEW, description: 'Print JSON instead of text. A list has one document a line.' }, false),
  verbose: toggle({ group: VIEW, description: 'Print what is in order too, not only what is to do.' }, false),
  check: toggle(
    {
      group: VIEW,
      description:
        'Print one line for a monitoring system. It has the worst thing that is wrong. Exit codes: 0 OK, 2 CRITICAL, 3 UNKNOWN.',
    },
    false,
  ),
  watch: toggle({ group: VIEW, description: 'Show it again every second; q ends it.' }, false),
  held: toggle({ group: VIEW, description: 'Show what is held, why, and what releases it.' }, false),
  processes: toggle(
    { group: VIEW, description: 'List the processes, and what each one does. --workers is the same.' },
    false,
  ),
  by: choice({ group: VIEW, description: 'The rows of the table of ages; prints all, as --all does.' }, [
    'stage',
    'feed',
    'directory',
    'suffix',
  ]),
  'max-age': duration(
    {
      group: VIEW,
      description:
        'Exit code 4 if a file that is not held has been known for longer, or a service is not at work. With --check: CRITICAL, 1d if not given.',
      defaultText: 'none',
      example: '1h',
    },
    { unit: 's', min: 0, max: limits.maxAgeSecondsMax, fallback: undefined },
  ),
  'max-held': whole(
    {
      group: VIEW,
      description:
        'Exit code 4 if more than N files are held, or a service is not at work. With --check: CRITICAL, 0 if not given.',
      defaultText: 'none',
    },
    { min: 0, max: limits.maxHeldMax, fallback: undefined },
  ),
  hash: toggle({ group: VIEW, description: 'Read every byte of the warehouse again.' }, false),
  all: toggle({ group: VIEW, description: 'Take every held file that --code and --feed leave.' }, false),
  reason: text({
    group: VIEW,
    description: 'Why; it is recorded.',
    rule: 'a sentence',
    example: 'sent twice on purpose',
    placeholder: 'TEXT',
  }),
  for: duration(
    {
      group: VIEW,
      description: 'Open by itself after this time, also if nothing runs then or the machine was restarted.',
      defaultText: 'until resume',
      example: '2h',
    },
    { unit: 's', min: 1, max: limits.pauseSecondsMax, fallback: undefined },
  ),
  code: text({
    group: VIEW,
    description: 'Only files that are held for this reason (docs/errors.md lists them).',
    rule: 'a reason code',
    example: 'checksum_mismatch',
    placeholder: 'CODE',
    defaultText: 'any',
  }),
  feed: text({
    group: VIEW,
    description: 'Only this feed.',
    rule: 'the name of a feed',
    example: 'default',
    placeholder: 'NAME',
    defaultText: 'all',
  }),
} satisfies Record<string, Field>;

/** Options of ingest-replicate; flags only. */
export const mirrorFields = {
  delete: toggle({ group: MIRROR, description: 'Remove from DEST what SOURCE does not have.' }, true),
  checksum: toggle(
    {
      group: MIRROR,
      description: 'Compare by SHA-256 instead of size and mtime. Reads both sides completely.',
    },
    false,
  ),
  adopt: toggle(
    {
      group: MIRROR,
      description: 'Take over a DEST that is no mirror of SOURCE yet. What SOURCE does not have is removed there.',
    },
    false,
  ),
  'allow-empty-source': toggle(
    { group: MIRROR, description: 'Remove everything from DEST if SOURCE is empty, instead of refusing.' },
    false,
  ),
  'change-log': text({
    group: MIRROR,
    description: 'The database of what has changed in SOURCE, on a local filesystem. Other programs may read it too.',
    ...FILE,
    example: '/var/lib/mirror/changes.db',
    placeholder: 'PATH',
    defaultText: 'in .ingest-replicate of DEST',
  }),
} satisfies Record<string, Field>;

/** Options of every command; flags (and INGEST_CONFIG) only. */
export const commonFields = {
  config: text({
    group: GENERAL,
    description:
      'A YAML file of options, for one feed or many. Its keys are the options; many feeds stand under `feeds`. Without it, and where no option names the state, the commands of a state read /etc/atomic-ingestor/config.yaml, if there is one.',
    rule: 'the path of a YAML file',
    isPath: true,
    example: '/etc/atomic-ingestor/config.yaml',
    placeholder: 'FILE',
    defaultText: 'none',
  }),
  help: toggle({ group: GENERAL, description: 'Show what a first hour needs.' }, false),
  'help-all': toggle({ group: GENERAL, description: 'Show every option, and the exit codes.' }, false),
  version: toggle({ group: GENERAL, description: 'Show the version.' }, false),
} satisfies Record<string, Field>;

type ValuesOf<Fields> = { [K in keyof Fields]: Fields[K] extends Field<infer T> ? T : never };
export type FeedValues = ValuesOf<typeof feedFields>;
export type ServiceValues = ValuesOf<typeof serviceFields>;
export type ViewValues = ValuesOf<typeof viewFields>;
export type MirrorValues = ValuesOf<typeof mirrorFields>;

export const allFields: Record<string, Field> = {
  ...feedFields,
  ...serviceFields,
  ...viewFields,
  ...mirrorFields,
  ...commonFields,
};

/** The options of the short --help, which is one screen: what a first hour needs. */
export const FIRST_HOUR: ReadonlySet<string> = new Set([
  ...['input', 'warehouse', 'manifests', 'mode', 'stability-seconds', 'include', 'once', 'dry-run', 'dashboard'],
  ...['config', 'state-path', 'stage', 'check', 'json', 'watch', 'held', 'all', 'feed', 'verbose'],
  ...['delete', 'checksum', 'adopt'],
]);

export const isFeedOption = (name: string): boolean => Object.hasOwn(feedFields, name);

/** `hash=2,move` as processes per stage; undefined where it is not of that form. */
export function parseWorkers(value: string): Record<string, number> | undefined {
  const workers: Record<string, number> = {};
  for (const part of value.split(',')) {
    const [, stage, count] = /^\s*([a-z-]+)(?:=(\d{1,4}))?\s*$/.exec(part) ?? [];
    if (stage === undefined || !(WORKERS as readonly string[]).includes(stage)) return undefined;
    const processes = Number(count ?? 1);
    if (processes < 1 || processes > limits.processesMax || Object.hasOwn(workers, stage)) return undefined;
    workers[stage] = processes;
  }
  return workers;
}

function isTimezone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}
