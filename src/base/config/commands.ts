/**
 * The commands and which options each takes. --help, the parsing and the tests read this table.
 * Does not: say what a command does with them; src/commands has one file for each.
 */
import { ALARMS, type CommandSpec, command, DASHBOARD, FEED, FIND, LOGS } from './command-spec.js';
import { CTL } from './ctl-verbs.js';
import { allFields } from './schema.js';

export type { CommandSpec } from './command-spec.js';

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
      'keep-history',
      ...DASHBOARD,
      ...ALARMS,
      'shared-ledger',
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
    options: [
      ...[...FEED, ...LOGS, 'max-attempts', 'stall-seconds', 'state-path', 'state-min-free-bytes', 'keep-history'],
      ...ALARMS,
    ],
    needs: ['input', 'warehouse', 'manifests'],
    examples: ['ingest-producer --config /etc/atomic-ingestor.yaml --state-path /var/lib/atomic-ingestor/state.db'],
  }),
  'ingest-worker': command({
    name: 'ingest-worker',
    summary: 'Runs stages of the queue; learns the feeds from the state. Start as many as you want.',
    options: [
      ...['stage', 'concurrency', 'max-attempts', 'stall-seconds', 'max-bytes-per-second', 'shared-ledger'],
      ...FIND,
      ...LOGS,
    ],
    examples: ['ingest-worker --state-path /var/lib/atomic-ingestor/state.db --stage hash=2 --stage move'],
  }),
  'ingest-dashboard': command({
    name: 'ingest-dashboard',
    summary: 'Serves the dashboard, the HTTP API and the metrics of a state; works with all daemons down.',
    options: [...DASHBOARD, ...FIND, 'log-level', 'stall-seconds', 'shared-ledger'],
    examples: [
      'ingest-dashboard --input /data/staging',
      'ingest-dashboard --state-path state.db --dashboard 0.0.0.0:8000 --dashboard-token-file token',
    ],
  }),
  'queue-stat': command({
    name: 'queue-stat',
    summary: 'Shows what waits in which stage; works with all daemons down.',
    aliases: { workers: 'processes' },
    options: [
      'json',
      'watch',
      'held',
      'processes',
      'fleet',
      'by',
      'max-age',
      'max-held',
      'feed',
      'shared-ledger',
      ...FIND,
    ],
    examples: [
      'queue-stat --input /data/staging',
      'queue-stat --state-path state.db --by directory',
      'queue-stat --state-path state.db --max-age 3600 --max-held 0',
      'queue-stat --fleet --shared-ledger postgres://ingest@db.example.org/ingest',
    ],
  }),
  'ingest-replicate': command({
    name: 'ingest-replicate',
    summary: 'Keeps DEST a mirror of SOURCE: changes at once, everything once in a while. Needs no state.',
    words: 'SOURCE DEST',
    wordsMax: 2,
    options: [
      ...[
        'include',
        'exclude',
        'poll',
        'scan-interval-seconds',
        'delete',
        'checksum',
        'adopt',
        'allow-empty-source',
        'change-log',
      ],
      ...['once', 'dry-run', 'log-level', 'metrics-interval-seconds'],
    ],
    means: {
      poll: 'never use inotify, only look at everything (chosen by itself on NFS and the like)',
      'scan-interval-seconds': 'how often everything is looked at on both sides',
      once: 'end when DEST is like SOURCE; waits while DEST is full or failing',
      'dry-run': 'say each thing that --once would do; change nothing at all',
      'metrics-interval-seconds': 'how often the event `replica_metrics` is written',
    },
    examples: [
      'ingest-replicate /data/warehouse /backup/warehouse',
      "ingest-replicate /data/warehouse /backup/warehouse --once --checksum --exclude '*.part'",
      'ingest-replicate /data/warehouse /backup/warehouse --dry-run',
    ],
  }),
  ...CTL,
} satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;

export const CTL_VERBS = Object.keys(CTL) as (keyof typeof CTL)[];

/** Every option that exists, for the search of the nearest one. */
export const OPTION_NAMES: readonly string[] = Object.keys(allFields);
