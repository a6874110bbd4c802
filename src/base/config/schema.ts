/**
 * The one schema of every option: flags, INGEST_* environment and YAML file are all read through it, and --help,
 * the refusals and the tests of wrong values are made from it.
 * Does not: read the disk; directories.ts does.
 */
import { availableParallelism } from 'node:os';
import { addressOf } from './dashboard.js';
import { commandOf, webhookOf } from './notify.js';
import { bucketAddress } from './values/bucket.js';
import { expectationText, parseExpectation } from './values/expect.js';
import {
  chain,
  choice,
  duration,
  durationIfGiven,
  type Field,
  isText,
  type Kind,
  list,
  option,
  size,
  text,
  toggle,
  whole,
} from './values/field.js';
import { faultOfGlob } from './values/globs.js';
import { limits } from './values/limits.js';
import { isSharedLedger } from './values/shared-ledger.js';
import { STAGE_NAMES } from './values/stage-names.js';

/** The work of a worker process: one stage, or all of them. */
export const WORKERS = ['all', ...STAGE_NAMES] as const;

/** The headings of --help, the most used first. */
export const GROUPS = [
  'What is shown or changed',
  'What the mirror does',
  'Directories',
  'When a file is complete',
  'Which files',
  'What becomes of a file',
  'How it runs',
  'State and logs',
  'Dashboard',
  'Alarms',
  'How long things are kept',
  'Free space',
  'Configuration and help',
] as const;

const optionsUnder =
  (group: (typeof GROUPS)[number]) =>
  <T>(description: string, kind: Kind<T>): Field<T> =>
    option(group, description, kind);

const folders = optionsUnder('Directories');
const complete = optionsUnder('When a file is complete');
const which = optionsUnder('Which files');
const outcome = optionsUnder('What becomes of a file');
const running = optionsUnder('How it runs');
const protecting = optionsUnder('Free space');
const keeping = optionsUnder('How long things are kept');
const ofState = optionsUnder('State and logs');
const view = optionsUnder('What is shown or changed');
const ofDashboard = optionsUnder('Dashboard');
const alarms = optionsUnder('Alarms');
const mirror = optionsUnder('What the mirror does');
const general = optionsUnder('Configuration and help');

const directory = (description: string, example: string, more: { defaultText?: string } = {}) =>
  folders(description, text({ rule: 'the path of a directory', isPath: true, example, placeholder: 'DIR', ...more }));

/** A file that an option names. */
const file = (example: string, more: { placeholder?: string; defaultText?: string } = {}) =>
  text({ rule: 'the path of a file', isPath: true, placeholder: 'FILE', example, ...more });

const glob = (description: string, example: string) =>
  which(
    description,
    list({
      rule: `a glob pattern of 1 to ${limits.globBytesMax} characters for paths below a folder (no slash at its front or end, no ! at its front), at most ${limits.globsMax} of them`,
      example,
      placeholder: 'GLOB',
      accepts: (pattern) =>
        isText(pattern) && pattern.length <= limits.globBytesMax && faultOfGlob(pattern) === undefined,
      most: limits.globsMax,
    }),
  );

export const feedFields = {
  input: directory('The directory where uploads arrive.', '/data/staging'),
  warehouse: directory('The directory where complete files go, by date.', '/data/warehouse'),
  manifests: directory('The directory for manifest lines, by hour.', '/data/manifests'),
  'work-dir': directory('The directory for files in progress, on the mount of --input.', '/data/.staging.ingest', {
    defaultText: '.NAME.ingest beside --input',
  }),
  mode: complete(
    'How a file is known to be complete. stability: nothing has changed it for --stability-seconds. sidecar: its sidecar is there.',
    choice(['stability', 'sidecar']),
  ),
  // A week of silence is a typing error, not an upload.
  'stability-seconds': complete(
    'How long a file must be unchanged. 0: no wait.',
    duration({ unit: 's', min: 0, max: 604_800, fallback: 10 }),
  ),
  'quiet-ms': complete(
    'How long after its last write a file is left alone, in both modes. A file that was renamed into place needs no such time.',
    duration({ unit: 'ms', min: 0, max: 600_000, fallback: 1_000 }),
  ),
  'partial-upload-seconds': complete(
    'The same for a file with an mtime of 0, as a cut rsync --partial leaves it. A checksum in its sidecar ends the wait.',
    duration({ unit: 's', min: 0, max: 604_800, fallback: 3_600 }),
  ),
  'sidecar-suffix': complete(
    'A sidecar has the name of its file and this suffix.',
    text({
      rule: `a suffix of 2 to ${limits.sidecarSuffixBytesMax} characters that begins with a dot and has no slash`,
      example: '.ok',
      placeholder: 'SUFFIX',
      accepts: (suffix) => /^\.[^/\0]+$/.test(suffix) && Buffer.byteLength(suffix) <= limits.sidecarSuffixBytesMax,
      fallback: '.ok',
    }),
  ),
  order: running(
    'Which complete files are taken first, where many wait. One batch in four begins with the oldest.',
    choice(['arrival', 'name', 'size', 'newest']),
  ),
  recursive: which('Take files from directories below --input too.', toggle(true)),
  include: glob('Take only files that match. May be given again.', '*.csv'),
  exclude: glob('Leave files that match where they are. May be given again.', 'draft-*'),
  'min-bytes': which('Leave smaller files where they are.', size({ min: 0, fallback: 0 })),
  // Sparse bombs: a file of more than 1 TiB is held, `too_large`.
  'max-bytes': which(
    'Hold larger files; nothing of them is read.',
    size({ min: 1, fallback: 1_099_511_627_776, defaultText: '1TiB' }),
  ),
  poll: which('Never use inotify, only scan. Chosen by itself on NFS and the like.', toggle(false)),
  'scan-interval-seconds': which(
    'How often the whole input is scanned.',
    duration({ unit: 's', min: 0.1, max: 86_400, defaultText: '5m, or 5s with --poll', example: '5m' }),
  ),
  'on-duplicate': outcome(
    'archive: put a file whose content is stored already into duplicates/ of the work directory. delete: delete it while the stored file is there or in the bucket, else archive it.',
    choice(['archive', 'delete']),
  ),
  'on-empty': outcome(
    'duplicate: store the first empty file, and treat later ones as duplicates. hold: hold every empty file.',
    choice(['duplicate', 'hold']),
  ),
  'same-content-again-after': outcome(
    'Ingest a stored content once more if it comes again this long after it was last ingested.',
    durationIfGiven('never', '20h'),
  ),
  'shared-ledger': outcome(
    'The PostgreSQL in which hosts record which of them has a content (docs/fleet.md). Its password: PGPASSWORD or .pgpass.',
    text({
      rule: 'postgres://USER@HOST:PORT/DATABASE: one host, no password (that is for PGPASSWORD or .pgpass), of parameters only sslmode (disable, require, verify-ca, verify-full) and sslrootcert',
      example: 'postgres://ingest@db.example.org/ingest',
      placeholder: 'URL',
      defaultText: 'none',
      isSecret: true,
      accepts: isSharedLedger,
    }),
  ),
  publish: outcome(
    'Copy each stored file into this bucket of an S3-compatible store, with its line (docs/publish.md). Credentials: as the AWS SDK finds them.',
    text({
      rule: 's3://BUCKET or s3://BUCKET/PREFIX: the bucket of 3 to 63 lower-case letters, digits, dots and hyphens, the prefix without empty names, control characters and %',
      example: 's3://lake/raw',
      placeholder: 'URL',
      defaultText: 'none',
      accepts: (value) => bucketAddress(value) !== undefined,
    }),
  ),
  'publish-endpoint': outcome(
    'The address of the store, if it is not AWS.',
    text({
      rule: 'an address that begins with https:// or http://, without a user name',
      example: 'https://example.org:9000',
      placeholder: 'URL',
      defaultText: 'AWS',
      accepts: (value) => /^https?:\/\//.test(value) && webhookOf(value) !== undefined,
    }),
  ),
  'publish-region': outcome(
    'The region of the bucket.',
    text({
      rule: 'the name of a region',
      example: 'eu-central-1',
      placeholder: 'NAME',
      defaultText: 'as the AWS SDK finds it',
      accepts: (value) => /^[a-z0-9-]{1,64}$/.test(value),
    }),
  ),
  'publish-path-style': outcome(
    'Name the bucket in the path of a request, as many stores of one’s own need it, and not in the host.',
    toggle(false),
  ),
  'keep-local': keeping(
    'Remove the local file so long after it was published. The bucket has it then.',
    durationIfGiven('for ever', '7d'),
  ),
  'preserve-subdirs': outcome('Keep the subdirectories of --input in the warehouse.', toggle(false)),
  'min-free-bytes': protecting(
    'Stop before the filesystem of the warehouse or the manifests has less free space. 0: stop only when it is full.',
    size({ min: 0, fallback: 0 }),
  ),
  'min-free-inodes': protecting(
    'The same for free inodes, where the filesystem counts them.',
    whole({ min: 0, max: limits.byteCountMax, unit: 'inodes', fallback: 0 }),
  ),
  'success-markers': outcome(
    'Write _SUCCESS into each manifest hour and each partition that is over and complete.',
    toggle(false),
  ),
  'keep-duplicates': keeping(
    'Remove duplicates this long after they came. Only files in duplicates/ whose content is known to be stored.',
    durationIfGiven('for ever'),
  ),
  'duplicates-max-bytes': keeping(
    'Keep no more than this in duplicates/. The oldest files go first, under the same condition.',
    size({ min: 0 }),
  ),
  'keep-failed': keeping(
    'Remove discarded files after this time. They lie in failed/, and there is no other copy.',
    durationIfGiven('for ever'),
  ),
  'failed-max-bytes': keeping(
    'Keep no more than this in failed/. The oldest files go first, and are lost.',
    size({ min: 0 }),
  ),
  process: outcome(
    'Check, split and process each new file record by record, as this YAML file says (docs/processing.md).',
    chain({
      rule: 'the path of a YAML file with a chain, or in the file of options the chain itself',
      isPath: true,
      example: '/etc/atomic-ingestor/orders.yaml',
      placeholder: 'FILE',
    }),
  ),
  timezone: outcome(
    'The time zone whose days and hours name the folders of warehouse and manifests.',
    text({
      rule: 'an IANA time zone',
      example: 'Europe/Berlin',
      placeholder: 'ZONE',
      accepts: isTimezone,
      fallback: 'UTC',
    }),
  ),
  expect: alarms(
    'What has to arrive by when, in --timezone; otherwise the feed is late. May be given again.',
    list({
      rule: `GLOB by HH:MM [from HH:MM] [on DAYS], or GLOB every N and m, h or d, at most ${limits.expectationsMax} of them`,
      example: 'orders-*.csv by 06:30 on mon-fri',
      placeholder: 'EXPECTATION',
      accepts: (text) => parseExpectation(text) !== undefined,
      most: limits.expectationsMax,
      asText: expectationText,
    }),
  ),
} satisfies Record<string, Field>;

export const serviceFields = {
  once: running(
    'End when all files are done. Where a stage is paused or a folder cannot be used, wait for it.',
    toggle(false),
  ),
  'dry-run': running('Print what would be done; change nothing at all.', toggle(false)),
  // A thread costs 10 to 15 MB, and one for each of many cores reads faster than a disk.
  concurrency: running(
    'Threads of a worker process of all stages. Each one hashes or copies one large file.',
    whole({
      min: 1,
      max: 16,
      unit: 'threads',
      fallback: Math.min(availableParallelism(), 4),
      defaultText: 'the cores, at most 4',
      example: '4',
    }),
  ),
  workers: running(
    `Worker processes: all=N that run all stages, or N processes of single stages (${STAGE_NAMES.join(', ')}). A stage that is not named has one.`,
    text({
      suggests: WORKERS.map((stage) => `${stage}=`),
      rule: `a list STAGE=N,… with stages out of ${WORKERS.join(', ')} and N from 1 to ${limits.processesMax}`,
      example: 'hash=2,move=1',
      placeholder: 'STAGE=N,…',
      defaultText: 'all=1',
      accepts: (value) => parseWorkers(value) !== undefined,
    }),
  ),
  stage: running(
    `Run only this stage, in N processes. The stages: ${STAGE_NAMES.join(', ')}. May be given again.`,
    list({
      rule: `STAGE or STAGE=N with a stage out of ${WORKERS.join(', ')} and N from 1 to ${limits.processesMax}`,
      example: 'hash=2',
      placeholder: 'STAGE[=N]',
      suggests: WORKERS,
      defaultText: 'all',
      accepts: (value) => parseWorkers(value) !== undefined,
      most: STAGE_NAMES.length,
    }),
  ),
  'max-attempts': running(
    'Hold a file after this many failed attempts.',
    whole({ min: 1, max: 1_000, unit: 'attempts', fallback: 8 }),
  ),
  // Twice the interval of the heartbeats at least: a shorter limit would kill healthy processes.
  'stall-seconds': running(
    'A call without progress for so long is reported. A process without a heartbeat for so long is killed and replaced.',
    duration({ unit: 's', min: 2, max: limits.stallSecondsMax, fallback: 60 }),
  ),
  'max-bytes-per-second': running(
    'The rate limit for reading and copying, of all workers of a state together. 0: no limit.',
    size({ min: 0, fallback: 0 }),
  ),
  'state-min-free-bytes': protecting(
    'Stop before the filesystem of the state has less free space. 0: stop only when it is full.',
    size({ min: 0, fallback: 0 }),
  ),
  'keep-history': keeping(
    'Forget the history of a file so long after its end. Of its content only the hash stays known.',
    durationIfGiven('for ever'),
  ),
  'state-path': ofState(
    'The database of queue and ledger. It lies on a local filesystem.',
    file('/var/lib/atomic-ingestor/state.db', {
      placeholder: 'PATH',
      defaultText: 'a file of its own for each --input below ~/.local/state',
    }),
  ),
  'log-level': ofState(
    'The least severe log line that is written.',
    choice(['info', 'trace', 'debug', 'warn', 'error', 'fatal']),
  ),
  'metrics-interval-seconds': ofState(
    'How often the event `metrics` is written to the log.',
    duration({ unit: 's', min: 0.1, max: 86_400, fallback: 10 }),
  ),
  trace: ofState('Log every step of every stage for every file.', toggle(false)),
  dashboard: ofDashboard(
    'Serve the dashboard at this address. An address that other machines can reach needs a token.',
    text({
      rule: 'PORT or HOST:PORT with a port from 1 to 65535',
      example: '8000',
      placeholder: '[HOST:]PORT',
      defaultText: 'none; of ingest-dashboard 8000',
      accepts: (value) => addressOf(value) !== undefined,
    }),
  ),
  'dashboard-token-file': ofDashboard(
    'A file with the token that requests must bring. INGEST_DASHBOARD_TOKEN is the other way.',
    file('/etc/atomic-ingestor/token'),
  ),
  'dashboard-hosts': ofDashboard(
    'A name under which a proxy reaches the dashboard. May be given again.',
    list({
      rule: `a host name, at most ${limits.dashboardHostsMax} of them`,
      example: 'ingest.example.org',
      placeholder: 'NAME',
      accepts: (name) => /^[A-Za-z0-9.-]{1,253}$/.test(name),
      most: limits.dashboardHostsMax,
    }),
  ),
  'notify-command': alarms(
    'Run this program for alarms, with a JSON document on its standard input. It is run without a shell: no quotes, no pipes.',
    text({
      rule: `the absolute path of a program, with arguments parted by blanks, in at most ${limits.notifyCharsMax} characters without quotes and signs of a shell`,
      example: '/usr/local/bin/notify-operators',
      placeholder: 'COMMAND',
      accepts: (value) => commandOf(value) !== undefined,
    }),
  ),
  'notify-webhook': alarms(
    'POST alarms to this address, as JSON.',
    text({
      rule: `an address that begins with https:// or http://, without a user name, of at most ${limits.notifyCharsMax} characters`,
      example: 'https://example.org/alarms',
      placeholder: 'URL',
      accepts: (value) => webhookOf(value) !== undefined,
    }),
  ),
  'notify-secret-file': alarms(
    'A file with the secret that signs webhooks (or INGEST_NOTIFY_SECRET).',
    file('/etc/atomic-ingestor/notify.secret'),
  ),
} satisfies Record<string, Field>;

/** Options of commands that show or change a state; flags only. */
export const viewFields = {
  json: view('Print JSON instead of text. A list has one document a line.', toggle(false)),
  verbose: view('Print what is in order too, not only what is to do.', toggle(false)),
  check: view(
    'Print one line for a monitoring system. It has the worst thing that is wrong. Exit codes: 0 OK, 2 CRITICAL, 3 UNKNOWN.',
    toggle(false),
  ),
  watch: view('Show it again every second; q ends it.', toggle(false)),
  processes: view('List the processes, and what each one does.', toggle(false)),
  by: view(
    'The rows of the table of ages; prints all, as --all does.',
    choice(['stage', 'feed', 'directory', 'suffix']),
  ),
  // Ten years, and a thousand times a full input: beyond them a bound says nothing.
  'max-age': view(
    'Exit code 4 if a file that is not held has been known for longer, or a service is not at work. With --check: CRITICAL, 1d if not given.',
    duration({ unit: 's', min: 0, max: 315_360_000, example: '1h' }),
  ),
  'max-held': view(
    'Exit code 4 if more than N files are held, or a service is not at work. With --check: CRITICAL, 0 if not given.',
    whole({ min: 0, max: 1_000_000_000 }),
  ),
  hash: view('Read every byte of the warehouse again.', toggle(false)),
  all: view('Take every held file that --code and --feed leave.', toggle(false)),
  reason: view(
    'Why; it is recorded.',
    text({ rule: 'a sentence', example: 'sent twice on purpose', placeholder: 'TEXT' }),
  ),
  // A year and a day at most: a longer pause is one without an end.
  for: view(
    'Open by itself after this time, also if nothing runs then or the machine was restarted.',
    duration({ unit: 's', min: 1, max: 31_622_400, defaultText: 'until resume', example: '2h' }),
  ),
  code: view(
    'Only files that are held for this reason (docs/errors.md lists them).',
    text({ rule: 'a reason code', example: 'checksum_mismatch', placeholder: 'CODE', defaultText: 'any' }),
  ),
  yes: view('Do it: free what the sentence of the first call lists.', toggle(false)),
  'take-over': view(
    'Go on as the host that has the name, if it was silent for an hour, in a state that has not joined.',
    toggle(false),
  ),
  fleet: view('All hosts that share a ledger, from that ledger.', toggle(false)),
  feed: view(
    'Only this feed.',
    text({ rule: 'the name of a feed', example: 'default', placeholder: 'NAME', defaultText: 'all' }),
  ),
} satisfies Record<string, Field>;

/** Options of ingest-replicate; flags only. */
export const mirrorFields = {
  delete: mirror('Remove from DEST what SOURCE does not have.', toggle(true)),
  checksum: mirror('Compare by SHA-256 instead of size and mtime. Reads both sides completely.', toggle(false)),
  adopt: mirror(
    'Take over a DEST that is no mirror of SOURCE yet. What SOURCE does not have is removed there.',
    toggle(false),
  ),
  'allow-empty-source': mirror('Remove everything from DEST if SOURCE is empty, instead of refusing.', toggle(false)),
  'change-log': mirror(
    'The database of what has changed in SOURCE, on a local filesystem. Other programs may read it too.',
    file('/var/lib/mirror/changes.db', { placeholder: 'PATH', defaultText: 'in .ingest-replicate of DEST' }),
  ),
} satisfies Record<string, Field>;

/** Options of every command; flags (and INGEST_CONFIG) only. */
export const commonFields = {
  config: general(
    'A YAML file of options, for one feed or many. Its keys are the options; many feeds (at most 100) stand under `feeds`. Without it, and where no option names the state, the commands of a state read /etc/atomic-ingestor/config.yaml, if there is one; so does `ingest-ctl process` without --process.',
    text({
      rule: 'the path of a YAML file',
      isPath: true,
      example: '/etc/atomic-ingestor/config.yaml',
      placeholder: 'FILE',
    }),
  ),
  help: general('Show what a first hour needs.', toggle(false)),
  'help-all': general('Show every option, and the exit codes.', toggle(false)),
  version: general('Show the version.', toggle(false)),
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
  ...['config', 'state-path', 'stage', 'check', 'json', 'watch', 'all', 'feed', 'verbose'],
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
