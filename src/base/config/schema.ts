/**
 * The one schema of every option: flags, INGEST_* environment and YAML file are all read through it, and --help,
 * the refusals and the tests of wrong values are made from it.
 * Does not: look at the disk; directories.ts does.
 */
import { availableParallelism } from 'node:os';
import { addressOf } from './dashboard.js';
import { commandOf, webhookOf } from './notify.js';
import { expectationText, parseExpectation } from './values/expect.js';
import {
  chain,
  choice,
  durationIfGiven,
  type Field,
  isText,
  list,
  seconds,
  secondsIfGiven,
  text,
  textOr,
  toggle,
  whole,
  wholeIfGiven,
} from './values/field.js';
import { faultOfGlob } from './values/globs.js';
import { limits } from './values/limits.js';
import { isSharedLedger } from './values/shared-ledger.js';
import { STAGE_NAMES } from './values/stage-names.js';

/** What a worker process may run: one stage, or all of them. */
export const WORKERS = ['all', ...STAGE_NAMES] as const;

const FOLDERS = 'Folders';
const COMPLETE = 'When a file is complete';
const WHICH = 'Which files';
const OUTCOME = 'What becomes of a file';
const RUNNING = 'How it runs';
const PROTECTING = 'What it stops before';
const KEEPING = 'How long it is kept';
const STATE = 'State and logs';
const VIEW = 'What is shown or changed';
const DASHBOARD = 'Dashboard';
const ALARMS = 'Alarms';
const FLEET = 'Many hosts';
const MIRROR = 'What the mirror does';
export const GROUPS = [
  FOLDERS,
  COMPLETE,
  WHICH,
  OUTCOME,
  PROTECTING,
  KEEPING,
  MIRROR,
  VIEW,
  RUNNING,
  DASHBOARD,
  ALARMS,
  FLEET,
  STATE,
] as const;

const directory = (description: string, example: string, extra: { defaultText?: string } = {}) =>
  text({ group: FOLDERS, description, rule: 'the path of a directory', example, placeholder: 'DIR', ...extra });

const glob = (description: string, example: string) =>
  list(
    {
      group: WHICH,
      description: `${description} (may be given again)`,
      rule: `a glob pattern of 1 to ${limits.globBytesMax} characters for paths below a folder (no slash at its front or end), at most ${limits.globsMax} of them`,
      example,
      placeholder: 'GLOB',
    },
    (pattern) => isText(pattern) && pattern.length <= limits.globBytesMax && faultOfGlob(pattern) === undefined,
    limits.globsMax,
  );

export const feedFields = {
  input: directory('where the uploads arrive', '/data/staging'),
  warehouse: directory('where complete files go, by date', '/data/warehouse'),
  manifests: directory('where the manifest lines are written, by hour', '/data/manifests'),
  'work-dir': directory('for files in work, on the mount of --input', '/data/.staging.ingest', {
    defaultText: '.NAME.ingest beside --input',
  }),
  mode: choice(
    { group: COMPLETE, description: 'complete when quiet for --stability-seconds, or when its sidecar is there' },
    ['stability', 'sidecar'],
  ),
  'stability-seconds': seconds(
    { group: COMPLETE, description: 'how long a file must not have changed (0: at once)' },
    { min: 0, max: limits.stabilitySecondsMax, fallback: 10 },
  ),
  'quiet-ms': whole(
    { group: COMPLETE, description: 'quiet time after the last write, in both modes; a rename into place needs none' },
    { min: 0, max: limits.quietMsMax, unit: 'milliseconds', fallback: 1_000 },
  ),
  'partial-upload-seconds': seconds(
    {
      group: COMPLETE,
      description:
        'the same for a file with an mtime of 0, as a cut rsync --partial leaves it; a checksum in its sidecar ends the wait',
    },
    { min: 0, max: limits.stabilitySecondsMax, fallback: 3_600 },
  ),
  'sidecar-suffix': textOr(
    '.ok',
    {
      group: COMPLETE,
      description: 'what the name of a sidecar adds to that of its file',
      rule: `a suffix of 2 to ${limits.sidecarSuffixBytesMax} characters that begins with a dot and has no slash`,
      example: '.ok',
      placeholder: 'SUFFIX',
    },
    (suffix) => /^\.[^/\0]+$/.test(suffix) && Buffer.byteLength(suffix) <= limits.sidecarSuffixBytesMax,
  ),
  order: choice(
    {
      group: RUNNING,
      description: 'which complete files are taken first, where many wait; one batch in four begins with the oldest',
    },
    ['arrival', 'name', 'size', 'newest'],
  ),
  recursive: toggle({ group: WHICH, description: 'look into directories below --input too' }, true),
  include: glob('take only what matches', '*.csv'),
  exclude: glob('leave what matches', 'draft-*'),
  'min-bytes': whole(
    { group: WHICH, description: 'smaller files stay where they are' },
    { min: 0, max: limits.byteCountMax, unit: 'bytes', fallback: 0 },
  ),
  'max-bytes': whole(
    { group: WHICH, description: 'larger files are held, nothing of them is read', defaultText: '1 TiB' },
    { min: 1, max: limits.byteCountMax, unit: 'bytes', fallback: limits.fileBytesMax },
  ),
  poll: toggle(
    { group: WHICH, description: 'never use inotify, only scan (chosen by itself on NFS and the like)' },
    false,
  ),
  'scan-interval-seconds': secondsIfGiven(
    { group: WHICH, description: 'how often the whole input is looked through', defaultText: '300, or 5 with --poll' },
    { min: 0.1, max: limits.scanIntervalSecondsMax },
  ),
  'on-duplicate': choice(
    {
      group: OUTCOME,
      description: 'put a content that is stored already into duplicates/ of the work directory, or delete it',
    },
    ['archive', 'delete'],
  ),
  'on-empty': choice({ group: OUTCOME, description: 'treat every further empty file as a duplicate, or hold it' }, [
    'duplicate',
    'hold',
  ]),
  'same-content-again-after': durationIfGiven({
    group: OUTCOME,
    description: 'ingest a stored content once more when it comes again so long after it was ingested last',
    example: '20h',
    defaultText: 'never',
  }),
  'preserve-subdirs': toggle(
    { group: OUTCOME, description: 'keep the sub-path below --input in the warehouse' },
    false,
  ),
  'min-free-bytes': whole(
    {
      group: PROTECTING,
      description:
        'stop before the filesystem of the warehouse or the manifests has less than that free (0: only when it is full)',
    },
    { min: 0, max: limits.byteCountMax, unit: 'bytes', fallback: 0 },
  ),
  'min-free-inodes': whole(
    { group: PROTECTING, description: 'the same for inodes, where the filesystem counts them' },
    { min: 0, max: limits.byteCountMax, unit: 'inodes', fallback: 0 },
  ),
  'success-markers': toggle(
    {
      group: OUTCOME,
      description: 'write _SUCCESS into each manifest hour and partition that is over and complete',
    },
    false,
  ),
  'keep-duplicates': durationIfGiven({
    group: KEEPING,
    description: 'remove files from duplicates/ so long after they came there, if their content is known to be stored',
    defaultText: 'for ever',
  }),
  'duplicates-max-bytes': wholeIfGiven(
    {
      group: KEEPING,
      description: 'of duplicates/ keep no more than that: the oldest go first, under the same condition',
      defaultText: 'no bound',
    },
    { min: 0, max: limits.byteCountMax, unit: 'bytes' },
  ),
  'keep-failed': durationIfGiven({
    group: KEEPING,
    description: 'remove files from failed/ so long after they were discarded: there is no other copy of them',
    defaultText: 'for ever',
  }),
  'failed-max-bytes': wholeIfGiven(
    {
      group: KEEPING,
      description: 'of failed/ keep no more than that: the oldest go first, and are lost',
      defaultText: 'no bound',
    },
    { min: 0, max: limits.byteCountMax, unit: 'bytes' },
  ),
  process: chain({
    group: OUTCOME,
    description: 'check, split and process each new file record by record, as that YAML file says (docs/processing.md)',
    rule: 'the path of a YAML file with a chain, or in the file of options the chain itself',
    example: '/etc/atomic-ingestor/orders.yaml',
    placeholder: 'FILE',
    defaultText: 'none',
  }),
  timezone: textOr(
    'UTC',
    {
      group: OUTCOME,
      description: 'whose days and hours name the folders of warehouse and manifests',
      rule: 'an IANA time zone',
      example: 'Europe/Berlin',
      placeholder: 'ZONE',
    },
    isTimezone,
  ),
  expect: list(
    {
      group: ALARMS,
      description: 'what has to arrive by when, in --timezone; the feed is late otherwise (may be given again)',
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
    { group: RUNNING, description: 'end when nothing is left to do; waits while a stage is paused or a place fails' },
    false,
  ),
  'dry-run': toggle(
    { group: RUNNING, description: 'say what would be done with each file; change nothing at all' },
    false,
  ),
  concurrency: whole(
    {
      group: RUNNING,
      description: 'threads of a worker process of all stages that each hash or copy one large file',
      defaultText: 'the cores, at most 4',
      example: '4',
    },
    { min: 1, max: limits.threadsMax, unit: 'threads', fallback: Math.min(availableParallelism(), 4) },
  ),
  workers: text(
    {
      group: RUNNING,
      description: `worker processes: all=N that run all stages, or processes of single stages, one for each that is not named; stages: ${STAGE_NAMES.join(', ')}`,
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
      description: 'run only this stage, N processes of it (may be given again)',
      rule: `STAGE or STAGE=N with a stage out of ${WORKERS.join(', ')} and N from 1 to ${limits.processesMax}`,
      example: 'hash=2',
      placeholder: 'STAGE[=N]',
      defaultText: 'all',
    },
    (value) => parseWorkers(value) !== undefined,
    STAGE_NAMES.length,
  ),
  'max-attempts': whole(
    { group: RUNNING, description: 'failed attempts after which a file is held' },
    { min: 1, max: limits.attemptsMax, unit: 'attempts', fallback: 8 },
  ),
  'stall-seconds': seconds(
    {
      group: RUNNING,
      description:
        'a call on a file that lasts so long without progress is named, a process without a sign of life killed and replaced',
    },
    { min: limits.stallSecondsMin, max: limits.stallSecondsMax, fallback: 60 },
  ),
  'max-bytes-per-second': whole(
    {
      group: RUNNING,
      description: 'what the workers of a state may read and copy, all together (0: as fast as it goes)',
    },
    { min: 0, max: limits.byteCountMax, unit: 'bytes', fallback: 0 },
  ),
  'state-min-free-bytes': whole(
    {
      group: PROTECTING,
      description: 'stop before the filesystem of the state has less than that free (0: only when it is full)',
    },
    { min: 0, max: limits.byteCountMax, unit: 'bytes', fallback: 0 },
  ),
  'keep-history': durationIfGiven({
    group: KEEPING,
    description: 'forget the histories of files so long after they ended, and of their contents all but the hashes',
    defaultText: 'for ever',
  }),
  'state-path': text({
    group: STATE,
    description: 'the database of the queue and the ledger, on a local filesystem',
    rule: 'the path of a file',
    example: '/var/lib/atomic-ingestor/state.db',
    placeholder: 'PATH',
    defaultText: 'a file of its own for each --input below ~/.local/state',
  }),
  'log-level': choice({ group: STATE, description: 'the least severe log line that is written' }, [
    'info',
    'trace',
    'debug',
    'warn',
    'error',
    'fatal',
  ]),
  'metrics-interval-seconds': seconds(
    { group: STATE, description: 'how often the event `metrics` is written' },
    { min: 0.1, max: limits.metricsIntervalSecondsMax, fallback: 10 },
  ),
  trace: toggle({ group: STATE, description: 'log every step of every stage for every file' }, false),
  dashboard: text(
    {
      group: DASHBOARD,
      description: 'serve the dashboard there; another address than loopback needs a token',
      rule: 'PORT or HOST:PORT with a port from 1 to 65535',
      example: '8000',
      placeholder: '[HOST:]PORT',
      defaultText: 'none; of ingest-dashboard 8000',
    },
    (value) => addressOf(value) !== undefined,
  ),
  'dashboard-token-file': text({
    group: DASHBOARD,
    description: 'a file with the token that every request must bring (or INGEST_DASHBOARD_TOKEN)',
    rule: 'the path of a file',
    example: '/etc/atomic-ingestor.token',
    placeholder: 'FILE',
    defaultText: 'none',
  }),
  'dashboard-hosts': list(
    {
      group: DASHBOARD,
      description: 'a name under which a proxy asks for the dashboard (may be given again)',
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
        'run this for alarms, with a JSON document on its standard input; no shell, so no quotes and no pipes',
      rule: `the absolute path of a program, with arguments parted by blanks, in at most ${limits.notifyCharsMax} characters without quotes and signs of a shell`,
      example: '/usr/local/bin/tell-operators',
      placeholder: 'COMMAND',
      defaultText: 'none',
    },
    (value) => commandOf(value) !== undefined,
  ),
  'notify-webhook': text(
    {
      group: ALARMS,
      description: 'POST alarms to this address, as JSON',
      rule: `an address that begins with https:// or http://, without a user name, of at most ${limits.notifyCharsMax} characters`,
      example: 'https://example.org/alarms',
      placeholder: 'URL',
      defaultText: 'none',
    },
    (value) => webhookOf(value) !== undefined,
  ),
  'notify-secret-file': text({
    group: ALARMS,
    description: 'a file with the secret by which webhooks are signed (or INGEST_NOTIFY_SECRET)',
    rule: 'the path of a file',
    example: '/etc/atomic-ingestor/notify.secret',
    placeholder: 'FILE',
    defaultText: 'none',
  }),
  'shared-ledger': text(
    {
      group: FLEET,
      description:
        'the PostgreSQL in which hosts record which of them has a content; its password: PGPASSWORD or .pgpass',
      rule: 'postgres://USER@HOST:PORT/DATABASE: one host, no password (that is for PGPASSWORD or .pgpass), of parameters only sslmode (disable, require, verify-ca, verify-full) and sslrootcert',
      example: 'postgres://ingest@db.example.org/ingest',
      placeholder: 'URL',
      defaultText: 'none',
      isSecret: true,
    },
    (value) => isSharedLedger(value),
  ),
} satisfies Record<string, Field>;

/** Options of commands that show or change a state; flags only. */
export const viewFields = {
  json: toggle({ group: VIEW, description: 'JSON instead of text; of a list one document a line' }, false),
  watch: toggle({ group: VIEW, description: 'show it again every second until interrupted' }, false),
  held: toggle({ group: VIEW, description: 'list the held files, why, and what releases them' }, false),
  processes: toggle(
    { group: VIEW, description: 'the processes: what each does, since when it is quiet (--workers is the same)' },
    false,
  ),
  by: choice({ group: VIEW, description: 'rows of the table of ages' }, ['stage', 'feed', 'directory', 'suffix']),
  'max-age': wholeIfGiven(
    {
      group: VIEW,
      description:
        'exit code 4 where a file that is not held has been known for more than N seconds, or a service is not at work',
      defaultText: 'none',
    },
    { min: 0, max: limits.maxAgeSecondsMax },
  ),
  'max-held': wholeIfGiven(
    {
      group: VIEW,
      description: 'exit code 4 where more than N files are held, or a service is not at work',
      defaultText: 'none',
    },
    { min: 0, max: limits.maxHeldMax },
  ),
  hash: toggle({ group: VIEW, description: 'read every byte of the warehouse again' }, false),
  all: toggle({ group: VIEW, description: 'every held file that --code and --feed leave' }, false),
  fleet: toggle({ group: VIEW, description: 'the hosts that share a ledger too' }, false),
  yes: toggle({ group: VIEW, description: 'do what was asked back for' }, false),
  reason: text({
    group: VIEW,
    description: 'why, for the record',
    rule: 'a sentence',
    example: 'sent twice on purpose',
    placeholder: 'TEXT',
  }),
  code: text({
    group: VIEW,
    description: 'only files held for this reason (docs/errors.md lists them)',
    rule: 'a reason code',
    example: 'checksum_mismatch',
    placeholder: 'CODE',
    defaultText: 'any',
  }),
  feed: text({
    group: VIEW,
    description: 'only this feed',
    rule: 'the name of a feed',
    example: 'default',
    placeholder: 'NAME',
    defaultText: 'all',
  }),
} satisfies Record<string, Field>;

/** Options of ingest-replicate; flags only. */
export const mirrorFields = {
  delete: toggle({ group: MIRROR, description: 'remove from DEST what SOURCE does not have' }, true),
  checksum: toggle(
    { group: MIRROR, description: 'compare contents by SHA-256 instead of by size and mtime: reads both sides whole' },
    false,
  ),
  adopt: toggle(
    {
      group: MIRROR,
      description:
        'take over a DEST that has content of its own, or was the mirror of another SOURCE: what SOURCE does not have is removed there',
    },
    false,
  ),
  'allow-empty-source': toggle(
    { group: MIRROR, description: 'remove everything from DEST where SOURCE is empty, instead of refusing' },
    false,
  ),
  'change-log': text({
    group: MIRROR,
    description: 'the database of what has changed in SOURCE, on a local filesystem; others may read it too',
    rule: 'the path of a file',
    example: '/var/lib/mirror/changes.db',
    placeholder: 'PATH',
    defaultText: 'in .ingest-replicate of DEST',
  }),
} satisfies Record<string, Field>;

/** Options of every command; flags (and INGEST_CONFIG) only. */
export const commonFields = {
  config: text({
    group: STATE,
    description: 'a YAML file with these options as keys, and many feeds under `feeds`',
    rule: 'the path of a YAML file',
    example: '/etc/atomic-ingestor.yaml',
    placeholder: 'FILE',
    defaultText: 'none',
  }),
  help: toggle({ group: STATE, description: 'show this text' }, false),
  version: toggle({ group: STATE, description: 'show the version' }, false),
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
