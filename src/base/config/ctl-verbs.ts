/** The verbs of `ingest-ctl`, as the table of commands has them, under the headings of its overview. */
import { ALARMS, commands, type Described, FEED, FIND, KEEPING } from './command-spec.js';
import { STAGE_NAMES } from './values/stage-names.js';

const HELD = 'Held files';
const WHY = 'What is going on';
const STAGES = 'Stages';
const CONTENTS = 'Contents';
const STATE = 'State';
export const VERB_GROUPS = [WHY, HELD, STAGES, CONTENTS, STATE] as const;

const verbs = <Name extends string>(group: string, described: Record<Name, Described>) =>
  commands(described, 'ingest-ctl ', group);

export const CTL = {
  ...verbs(WHY, {
    explain: {
      summary: 'Says why a file is not in yet, or where it went.',
      about:
        'Follows one file: what it waits for and until when, or when it was stored, where, and in which manifest. It takes a path in the input or the warehouse, the name of a file alone, a job id, or a SHA-256.',
      words: 'PATH|SHA256',
      options: ['json', 'feed', ...FIND],
      unfinished: 'nothing is known of the file',
      examples: ['ingest-ctl explain /data/staging/orders.csv --input /data/staging'],
    },
    doctor: {
      summary: 'Checks the environment before the first file.',
      about:
        'Checks directories, filesystems, leases, renames, limits, free space and clocks with the options that ingest would get. It prints what is to do; --verbose adds what is in order, and --json has both. It leaves no file. Exit code 3: something has to be repaired before the first file.',
      options: [...FEED, 'state-path', 'json', 'verbose'],
      needs: ['input', 'warehouse', 'manifests'],
      examples: ['ingest-ctl doctor --input /data/staging --warehouse /data/warehouse --manifests /data/manifests'],
    },
    audit: {
      summary: 'Compares warehouse, manifests and ledger; says what to do.',
      about:
        'Compares names and sizes; with --hash it reads every byte of the warehouse again. Each difference is one line. With --feed it does so for one feed. It needs no stop of ingest.',
      options: ['hash', 'json', 'feed', 'fleet', 'shared-ledger', ...FIND],
      means: { fleet: 'Compare what the ledger that hosts share has of this host, too. Only reads.' },
      unfinished: 'a difference was found',
      examples: ['ingest-ctl audit --hash --input /data/staging'],
    },
    process: {
      summary: 'Tries a chain on a file and shows its outputs; changes nothing.',
      about:
        'Tries a chain (see --process of ingest) before it is used: prints the counts and the first lines of each output, or the sentence with which the file would be held. Without --process and --config the chain is that of a feed of the state.',
      words: 'FILE',
      options: ['process', 'feed', ...FIND],
      means: { feed: 'The feed whose chain is used, if --config or the state has several feeds.' },
      unfinished: 'the file would be held',
      examples: [
        'ingest-ctl process orders.csv --process orders.yaml',
        'ingest-ctl process orders.csv --feed orders --config /etc/atomic-ingestor/config.yaml',
      ],
    },
  }),
  ...verbs(HELD, {
    held: {
      summary: 'Shows what is held by cause, the oldest, and what releases it.',
      about:
        'A held file cannot go on until somebody acts. It stays where it is. retry sends it through its stage again, discard gives it up. --json has one document for each file.',
      options: ['all', 'json', 'code', 'feed', ...FIND],
      means: { all: 'List each file: its id, path, reason and what releases it.' },
      examples: ['ingest-ctl held --input /data/staging', 'ingest-ctl held --all --code checksum_mismatch'],
    },
    retry: {
      summary: 'Sends held files through their stage again.',
      about:
        'Names held files by job id or by path, or takes all that --code and --feed leave. Failed attempts are forgotten.',
      words: 'JOBID|PATH…',
      options: ['all', 'code', 'feed', ...FIND],
      unfinished: 'nothing is held under one of the names',
      examples: ['ingest-ctl retry --all --code unreadable --input /data/staging'],
    },
    discard: {
      summary: 'Gives held files up: each goes to failed/ and is never ingested.',
      about:
        'Names held files by job id or by path, or takes all that --code and --feed leave. failed/ has the only copy of such a file.',
      words: 'JOBID|PATH…',
      options: ['all', 'code', 'feed', ...FIND],
      unfinished: 'nothing is held under one of the names',
      examples: ['ingest-ctl discard 01J9ZQ4T7M0000000000000000 --input /data/staging'],
    },
  }),
  ...verbs(STAGES, {
    pause: {
      summary: 'Closes a stage (or all) until resume; what is under way is finished.',
      about: `The stages: ${STAGE_NAMES.join(', ')}. Files wait before the closed one. A pause outlives a restart of ingest. With --for it is over by itself at that time, by the clock of the machine. The user, --reason and the end are shown wherever the pause is. Paused once more, a stage gets the new reason and end. A pause older than a day is an alarm.`,
      words: '[STAGE]',
      options: ['for', 'reason', 'feed', ...FIND],
      examples: [
        "ingest-ctl pause --for 2h --reason 'the disk is changed' --input /data/staging",
        'ingest-ctl pause move --feed orders --config /etc/atomic-ingestor/config.yaml',
      ],
    },
    resume: {
      summary: 'Opens what pause closed.',
      about: 'A stage that is closed for another reason too, such as a full disk, stays closed for that reason.',
      words: '[STAGE]',
      options: ['feed', ...FIND],
      examples: ['ingest-ctl resume move --feed orders --config /etc/atomic-ingestor/config.yaml'],
    },
  }),
  ...verbs(CONTENTS, {
    learn: {
      summary: 'Adds the content of a directory to the ledger: such files count as duplicates.',
      about:
        'For files that were loaded by other means before. Every file below DIR is hashed, or FILE alone; none is moved. In a warehouse whose records were pruned, name single files: an output of a chain that lies there would be learned too. The manifests do not have what was learned: run learn again after a rebuild.',
      words: 'DIR|FILE',
      options: ['feed', ...FIND],
      unfinished: 'a file could not be read',
      examples: ['ingest-ctl learn /data/loaded-last-year --input /data/staging'],
    },
    'allow-again': {
      summary: 'Lets the next file with a stored content be ingested once more, as its next generation.',
      about:
        'The content is named by its SHA-256, by a path, or by the ingest_id of its manifest line. --reason and the user are recorded, and explain shows them. For a whole feed there is --same-content-again-after.',
      words: 'SHA256|PATH|INGEST_ID --reason TEXT',
      options: ['reason', 'feed', ...FIND],
      examples: [
        "ingest-ctl allow-again /data/staging/orders.csv --reason 'the loader had lost it' --input /data/staging",
      ],
    },
    withdraw: {
      summary: 'Takes a wrongly ingested file out of the warehouse again, into failed/ of the work directory.',
      about:
        'When it ends with 0, its record is in corrections.jsonl beside the manifests, on disk. A worker then moves the file. The content stays known: the same bytes are a duplicate until allow-again allows them.',
      words: 'SHA256|PATH|INGEST_ID --reason TEXT',
      options: ['reason', 'feed', ...FIND],
      examples: [
        "ingest-ctl withdraw /data/warehouse/ingest_date=2026-11-14/a.csv --reason 'test data' --input /data/in",
      ],
    },
  }),
  ...verbs(STATE, {
    'check-config': {
      summary: 'Says what a start with this configuration file would refuse or change.',
      about:
        'Asks what ingest asks before it starts: the options, the folders, and whether they belong to the state. Then each feed that is new, changed, or not in the file any more. It changes nothing. The service reads its file only when it starts: restart it to take the file over.',
      words: '[FILE]',
      options: ['state-path'],
      examples: ['ingest-ctl check-config /etc/atomic-ingestor/config.yaml'],
    },
    'notify-test': {
      summary: 'Sends a test alarm; prints what each receiver answered.',
      about:
        'The message, its signature and the time limits are those of real alarms; its code is test. Nothing follows it.',
      options: [...ALARMS, ...FIND],
      unfinished: 'a receiver did not accept it',
      examples: ['ingest-ctl notify-test --config /etc/atomic-ingestor/config.yaml'],
    },
    backup: {
      summary: 'Writes a whole copy of the state, while everything goes on.',
      about:
        'The copy has one moment of the state in one file; it is checked and on disk when the verb ends. To restore it: stop everything (the dashboard too), move state.db and every state.db-* away, copy the backup to state.db, and run ingest-ctl rebuild. A state.db-wal of the former state that is left there would be read over the backup.',
      words: 'FILE',
      options: [...FIND],
      examples: ['ingest-ctl backup /backup/ingest-$(date +%F).db --state-path /var/lib/atomic-ingestor/state.db'],
    },
    rebuild: {
      summary: 'Makes a lost state again, or brings an older copy up to date, from what is on disk.',
      about:
        'Reads manifests, warehouse and work directories. It needs every ingest process of the state stopped. It may be interrupted: run again, it begins again. It changes no manifest and no file, and prints at its end what nobody can know any more.',
      options: [...FEED, 'state-path', 'log-level'],
      needs: ['input', 'warehouse', 'manifests'],
      examples: ['ingest-ctl rebuild --config /etc/atomic-ingestor/config.yaml'],
    },
    prune: {
      summary:
        'Forgets old histories and removes old duplicates and discarded files, as the options say; never a hash.',
      about:
        'Does at once what ingest does once an hour or once a day. It takes the same options, or --config; an option of a feed that is not given is as the feed was started with; --keep-history has to be given. It may be killed at any point and run again.',
      options: [...KEEPING, 'dry-run', 'feed', ...FIND],
      means: { 'dry-run': 'Print what would go; change nothing at all.' },
      examples: [
        'ingest-ctl prune --dry-run --keep-history 90d --input /data/staging',
        'ingest-ctl prune --config /etc/atomic-ingestor/config.yaml',
      ],
    },
    host: {
      summary: 'Enters this host into a ledger that hosts share, or forgets one that is gone for ever.',
      about:
        'join NAME gives the state its part in the shared ledger, and gives it back after the state was moved, restored or rebuilt; its ingest must be stopped. Another name makes a host of its own, as of a copy. forget NAME frees what a host carried that is gone for ever (docs/fleet.md).',
      words: 'join NAME | forget NAME',
      wordsMax: 2,
      options: ['shared-ledger', 'take-over', 'yes', ...FIND],
      unfinished: 'the others count contents as stored here that the state does not know, and --yes was not given',
      examples: [
        'ingest-ctl host forget lake-3 --shared-ledger postgres://ingest@db.example.org/ingest',
        'ingest-ctl host join lake-1 --shared-ledger postgres://ingest@db.example.org/ingest --input /data/staging',
      ],
    },
    retire: {
      summary: 'Ends a feed that is not configured any more: audit and metrics leave it out.',
      about: 'Its contents stay known. The feed must have no file on its way and none held.',
      words: 'FEED',
      options: [...FIND],
      examples: ['ingest-ctl retire orders --state-path /var/lib/atomic-ingestor/state.db'],
    },
    'replace-warehouse': {
      summary: 'Goes on in an empty warehouse: what was stored stays known, its files are no longer looked for.',
      about: 'For a warehouse whose disk is lost or stays away. DIR must be empty. Start ingest with DIR afterwards.',
      words: 'DIR',
      options: ['feed', ...FIND],
      examples: ['ingest-ctl replace-warehouse /data/warehouse --input /data/staging'],
    },
  }),
};
