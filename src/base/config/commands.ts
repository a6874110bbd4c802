/**
 * The commands and the options of each. The parser, --help, the man pages, the completions and the tests read this table.
 * Does not: say what a command does with them; src/commands has a file for each, or for a few that share their work.
 */
import { ALARMS, commands, DASHBOARD, FEED, FIND, LOGS } from './command-spec.js';
import { CTL } from './ctl-verbs.js';
import { allFields } from './schema.js';

export type { CommandSpec } from './command-spec.js';

const PROGRAMS = commands({
  ingest: {
    summary: 'Watches a directory and brings every complete file into the warehouse, each content exactly once.',
    about: `Upstream jobs drop files into --input. ingest finds out when a file is complete, hashes it, writes one line into the manifest of the hour (--manifests) and moves the file into a folder by date below --warehouse. A file whose bytes are stored already is a duplicate: it is put aside and not stored again.

ingest runs a producer and workers as child processes, and the dashboard too if --dashboard is given. SIGTERM or Ctrl-C lets them finish what they work on; a second signal stops them at once. Nothing is lost either way: the next start goes on where this one ended.

Many feeds, each with directories and rules of its own, stand in one configuration file (--config; see atomic-ingestor.yaml(5)). With --once, ingest ends when nothing is left to do: for cron, or for a batch job. With --dry-run it changes nothing and prints what would become of each file.`,
    options: [
      ...FEED,
      'once',
      'dry-run',
      'concurrency',
      'workers',
      'max-attempts',
      'stall-seconds',
      'max-bytes-per-second',
      'state-path',
      ...LOGS,
      'state-min-free-bytes',
      'keep-history',
      ...DASHBOARD,
      ...ALARMS,
    ],
    needs: ['input', 'warehouse', 'manifests'],
    unfinished:
      '--once ended while files were held, still open for writing, with an mtime of 0 or not published, or a folder could not be read; each is named. A signal ended --once before all files were done. --dry-run could not read a folder',
    examples: [
      'ingest --input in --warehouse out --manifests lines --dashboard 8000',
      'ingest --input in --warehouse out --manifests lines --mode sidecar --dry-run',
      'ingest --config /etc/atomic-ingestor/config.yaml --once',
    ],
  },
  'ingest-producer': {
    summary: 'Finds files and puts them into the queue; records its feeds in the state for the workers.',
    about: `The first half of ingest, as a process of its own. It watches and scans the inputs of its feeds, and puts each file into the queue of the state (--state-path). It records the feeds in the state, so that workers and the dashboard know them without the configuration file.

A state has one producer. ingest-worker does the rest.`,
    options: [
      ...[...FEED, 'max-attempts', 'stall-seconds', 'state-path', ...LOGS, 'state-min-free-bytes', 'keep-history'],
      ...ALARMS,
    ],
    needs: ['input', 'warehouse', 'manifests'],
    examples: [
      'ingest-producer --config /etc/atomic-ingestor/config.yaml --state-path /var/lib/atomic-ingestor/state.db',
    ],
  },
  'ingest-worker': {
    summary: 'Runs stages of the queue; learns the feeds from the state. Start as many as you want.',
    about: `The second half of ingest, as processes of their own: they check whether files are complete, hash them, write manifest lines and move files. A worker runs all stages, or only those that --stage names.

All workers share one state on a local filesystem. A worker that dies loses nothing: another one takes its jobs. If there is no state yet, a worker waits half a minute for ingest-producer to make it.`,
    options: [...['stage', 'concurrency', 'max-attempts', 'stall-seconds', 'max-bytes-per-second'], ...FIND, ...LOGS],
    examples: ['ingest-worker --state-path /var/lib/atomic-ingestor/state.db --stage hash=2 --stage move'],
  },
  'ingest-dashboard': {
    summary: 'Serves the dashboard, the HTTP API and the metrics of a state; works with all daemons down.',
    about: `The page shows what is wrong, what waits in which stage and why, and the held files with buttons to retry or discard them. The same process answers the HTTP API and /metrics for Prometheus.

It listens on loopback. An address that other machines can reach needs a token (--dashboard-token-file).`,
    options: [...DASHBOARD, ...FIND, 'log-level', 'stall-seconds'],
    examples: [
      'ingest-dashboard --input /data/staging',
      'ingest-dashboard --state-path state.db --dashboard 0.0.0.0:8000 --dashboard-token-file token',
    ],
  },
  'queue-stat': {
    summary: 'Shows what is wrong, and what waits in which stage; works with all daemons down.',
    about: `It fits a screen: one line for each feed, the worst first; what waits, by reason; what is held, by cause; then what is wrong, the worst first, with one command each. --all has everything: each finding in full, how many files are in which stage, how old they are and how many go through. --watch shows the screen again every second; q ends it. It only reads the state.

--check is the one command for a monitoring system. It prints one line in the form of the Monitoring Plugins (Nagios, Icinga, Checkmk, Sensu): the status, the worst thing that is wrong with what to do, and figures. It is OK (exit code 0) if the service is at work, no stage is stuck, every folder of the inputs can be read, no place fails, no feed is late, no file is held (or at most --max-held), and no other file has been known for longer than --max-age. Otherwise it is CRITICAL (exit code 2). It is UNKNOWN (exit code 3) if it cannot judge: a wrong option, no state. No service is expected after an ingest --once that came to its end, until the next start. A file that its uploader still has open is CRITICAL by its age (--max-age), or when nothing was written to it for four hours; a pause by its age, or when it is older than a day. Docker counts every exit code but 0 as unhealthy.

--fleet shows the hosts that share a ledger instead, as that ledger has them, from any machine that reaches it: --shared-ledger names it, or else the configuration or the state does. --json and --check go with it; its --check is CRITICAL if a host is silent or the ledger is away, and the --check of each host judges its files.`,
    options: [
      ...['all', 'check', 'json', 'watch', 'processes', 'by', 'feed', 'max-age', 'max-held'],
      ...['fleet', 'shared-ledger', ...FIND],
    ],
    means: { all: 'Print everything, however long it is.' },
    unfinished: 'without --check: --max-age or --max-held is passed, or a service is not at work',
    examples: [
      'queue-stat --input /data/staging',
      'queue-stat --all --input /data/staging',
      'queue-stat --state-path state.db --by directory',
      'queue-stat --check --max-age 4h --state-path state.db',
      'queue-stat --state-path state.db --max-age 1h --max-held 0',
      'queue-stat --fleet --shared-ledger postgres://ingest@db.example.org/ingest',
    ],
  },
  'ingest-replicate': {
    summary: 'Keeps DEST a mirror of SOURCE: changes at once, everything once in a while. Needs no state.',
    about: `Every file of SOURCE appears in DEST by one rename, so that a reader of DEST never sees half a file. Changes are copied as they happen; a full comparison of both trees comes every --scan-interval-seconds. What SOURCE does not have is removed from DEST (--no-delete keeps it).

DEST has to be empty, or the mirror of this SOURCE already. --adopt takes over a DEST that has content of its own. A SOURCE that is missing or suddenly empty empties no DEST.`,
    words: 'SOURCE DEST',
    options: [
      ...['once', 'dry-run', 'delete', 'checksum', 'adopt', 'allow-empty-source', 'change-log'],
      ...['include', 'exclude', 'poll', 'scan-interval-seconds', 'log-level', 'metrics-interval-seconds'],
    ],
    means: {
      poll: 'Never use inotify, only scan both sides. Chosen by itself on NFS and the like.',
      'scan-interval-seconds': 'How often both sides are compared completely.',
      once: 'End when DEST is like SOURCE. Wait while DEST is full or read-only.',
      'dry-run': 'Print what --once would do; change nothing at all.',
      'metrics-interval-seconds': 'How often the event `replica_metrics` is written to the log.',
    },
    unfinished: '--once ended while something could not be mirrored; --dry-run found such a thing',
    examples: [
      'ingest-replicate /data/warehouse /backup/warehouse',
      "ingest-replicate /data/warehouse /backup/warehouse --once --checksum --exclude '*.part'",
      'ingest-replicate /data/warehouse /backup/warehouse --dry-run',
    ],
  },
});

export const COMMANDS = { ...PROGRAMS, ...CTL };

export type CommandName = keyof typeof COMMANDS;

export const PROGRAM_NAMES = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[];
export const CTL_VERBS = Object.keys(CTL) as (keyof typeof CTL)[];

/** The command above the verbs. */
export const CTL_PROGRAM = {
  name: 'ingest-ctl',
  summary: 'Acts on the files, stages and contents of a state.',
  about: `Each verb does one thing and ends. Most work while ingest runs; a verb that needs it stopped refuses otherwise, with a sentence.

A verb finds the state by --state-path, by --input (the state that ingest makes for this input), by --config, or else by /etc/atomic-ingestor/config.yaml.`,
  examples: [
    'ingest-ctl held --input /data/staging',
    'ingest-ctl explain /data/staging/orders.csv --input /data/staging',
    'ingest-ctl help retry',
  ],
} as const;

/** Every option that exists, for the search of the nearest one. */
export const OPTION_NAMES: readonly string[] = Object.keys(allFields);
