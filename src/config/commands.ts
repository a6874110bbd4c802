/**
 * The commands and which options each takes. --help, the parsing and the tests read this table.
 * Does not: say what a command does with them; src/commands has one file for each.
 */
import { allFields, commonFields, feedFields } from './schema.js';

export interface CommandSpec {
  name: string;
  summary: string;
  /** After the name in the usage line. */
  words: string;
  wordsMax: number;
  options: readonly string[];
  examples: readonly string[];
  /** Other spellings of an option, where its own would be another command's. */
  aliases?: Readonly<Record<string, string>>;
  /** Options without which the command says what is missing. */
  needs: readonly string[];
}

const COMMON = Object.keys(commonFields);
const FEED = Object.keys(feedFields);
const FIND = ['state-path', 'input'];
const DASHBOARD = ['dashboard', 'dashboard-token-file', 'dashboard-hosts'];
const LOGS = ['log-level', 'metrics-interval-seconds', 'trace'];

const command = (spec: Omit<CommandSpec, 'words' | 'wordsMax' | 'needs'> & Partial<CommandSpec>): CommandSpec => ({
  words: '',
  wordsMax: 0,
  needs: [],
  ...spec,
  options: [...spec.options, ...COMMON],
});

const verb = (name: string, summary: string, options: string[], more: Partial<CommandSpec>): CommandSpec =>
  command({ name: `ingest-ctl ${name}`, summary, options: [...options, ...FIND], examples: [], ...more });

export const COMMANDS = {
  ingest: command({
    name: 'ingest',
    summary: 'Watches a directory and brings every complete file into the warehouse, each content exactly once.',
    options: [
      ...FEED,
      ...LOGS,
      'once',
      'dry-run',
      'concurrency',
      'workers',
      'max-attempts',
      'stall-seconds',
      'max-bytes-per-second',
      'state-path',
      'state-min-free-bytes',
      ...DASHBOARD,
    ],
    needs: ['input', 'warehouse', 'manifests'],
    examples: [
      'ingest --input /data/staging --warehouse /data/warehouse --manifests /data/manifests',
      'ingest --config /etc/atomic-ingestor.yaml --once',
      "ingest --input in --warehouse out --manifests lines --mode sidecar --include '*.csv' --dry-run",
    ],
  }),
  'ingest-producer': command({
    name: 'ingest-producer',
    summary: 'Finds files and puts them into the queue; records its feeds in the state for the workers.',
    options: [...FEED, ...LOGS, 'max-attempts', 'stall-seconds', 'state-path', 'state-min-free-bytes'],
    needs: ['input', 'warehouse', 'manifests'],
    examples: ['ingest-producer --config /etc/atomic-ingestor.yaml --state-path /var/lib/atomic-ingestor/state.db'],
  }),
  'ingest-worker': command({
    name: 'ingest-worker',
    summary: 'Runs stages of the queue; learns the feeds from the state. Start as many as you want.',
    options: ['stage', 'concurrency', 'max-attempts', 'stall-seconds', 'max-bytes-per-second', ...FIND, ...LOGS],
    examples: ['ingest-worker --state-path /var/lib/atomic-ingestor/state.db --stage hash=2 --stage move'],
  }),
  'ingest-dashboard': command({
    name: 'ingest-dashboard',
    summary: 'Serves the dashboard, the HTTP API and the metrics of a state; works with all daemons down.',
    options: [...DASHBOARD, ...FIND, 'log-level', 'stall-seconds'],
    examples: [
      'ingest-dashboard --input /data/staging',
      'ingest-dashboard --state-path state.db --dashboard 0.0.0.0:8000 --dashboard-token-file token',
    ],
  }),
  'queue-stat': command({
    name: 'queue-stat',
    summary: 'Shows what waits in which stage; works with all daemons down.',
    aliases: { workers: 'processes' },
    options: ['json', 'watch', 'held', 'processes', 'by', 'max-age', 'max-held', 'feed', ...FIND],
    examples: [
      'queue-stat --input /data/staging',
      'queue-stat --state-path state.db --by directory',
      'queue-stat --state-path state.db --max-age 3600 --max-held 0',
    ],
  }),
  held: verb('held', 'Lists the held files: id, path, reason and what releases each.', ['json', 'code', 'feed'], {
    examples: ['ingest-ctl held --input /data/staging'],
  }),
  retry: verb('retry', 'Sends held files through their stage again.', ['all', 'code', 'feed'], {
    words: 'JOBID|PATH…',
    wordsMax: 10_000,
    examples: ['ingest-ctl retry --all --code unreadable --input /data/staging'],
  }),
  discard: verb(
    'discard',
    'Gives held files up: each is moved to failed/ of the work directory and never ingested.',
    ['all', 'code', 'feed'],
    {
      words: 'JOBID|PATH…',
      wordsMax: 10_000,
      examples: ['ingest-ctl discard 01J9ZQ4T7M0000000000000000 --input /data/staging'],
    },
  ),
  pause: verb('pause', 'Closes a stage (or all) until resume; what is under way is finished.', ['feed'], {
    words: '[STAGE]',
    wordsMax: 1,
    examples: ['ingest-ctl pause move --feed orders --config /etc/atomic-ingestor.yaml'],
  }),
  resume: verb('resume', 'Opens what pause closed.', ['feed'], {
    words: '[STAGE]',
    wordsMax: 1,
    examples: ['ingest-ctl resume move --feed orders --config /etc/atomic-ingestor.yaml'],
  }),
  explain: verb('explain', 'Says why a file is not in yet, or where it went.', ['json', 'feed'], {
    words: 'PATH',
    wordsMax: 1,
    examples: ['ingest-ctl explain /data/staging/orders.csv --input /data/staging'],
  }),
  audit: verb(
    'audit',
    'Compares warehouse, manifests and ledger; each difference with what to do.',
    ['hash', 'json', 'feed'],
    {
      examples: ['ingest-ctl audit --hash --input /data/staging'],
    },
  ),
  learn: verb('learn', 'Adds the content of a directory to the ledger: such files count as duplicates.', ['feed'], {
    words: 'DIR',
    wordsMax: 1,
    examples: ['ingest-ctl learn /data/loaded-last-year --input /data/staging'],
  }),
  doctor: command({
    name: 'ingest-ctl doctor',
    summary: 'Checks the environment before the first file: each thing in one line, with its remedy.',
    options: [...FEED, 'state-path', 'json'],
    needs: ['input', 'warehouse', 'manifests'],
    examples: ['ingest-ctl doctor --input /data/staging --warehouse /data/warehouse --manifests /data/manifests'],
  }),
  backup: verb('backup', 'Writes a whole copy of the state, while everything goes on.', [], {
    words: 'FILE',
    wordsMax: 1,
    examples: ['ingest-ctl backup /backup/ingest-$(date +%F).db --state-path /var/lib/atomic-ingestor/state.db'],
  }),
  rebuild: command({
    name: 'ingest-ctl rebuild',
    summary:
      'Makes a lost state anew, or brings an older copy up to date, from what is on disk. Run again, it goes on.',
    options: [...FEED, 'state-path', 'log-level'],
    needs: ['input', 'warehouse', 'manifests'],
    examples: ['ingest-ctl rebuild --config /etc/atomic-ingestor.yaml'],
  }),
} satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;

export const CTL_VERBS = [
  'held',
  'retry',
  'discard',
  'pause',
  'resume',
  'explain',
  'audit',
  'learn',
  'doctor',
  'backup',
  'rebuild',
] as const;

/** Every option that exists, for the search of the nearest one. */
export const OPTION_NAMES: readonly string[] = Object.keys(allFields);
