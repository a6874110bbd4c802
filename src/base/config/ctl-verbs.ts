/** The verbs of `ingest-ctl`, as the table of commands has them. */
import { type CommandSpec, command, FEED, FIND, KEEPING } from './command-spec.js';

const verb = (name: string, summary: string, options: string[], more: Partial<CommandSpec>): CommandSpec =>
  command({ name: `ingest-ctl ${name}`, summary, options: [...options, ...FIND], examples: [], ...more });

export const CTL = {
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
  explain: verb('explain', 'Says why a file is not in yet, or where it went.', ['json', 'feed', 'shared-ledger'], {
    words: 'PATH|SHA256',
    wordsMax: 1,
    examples: ['ingest-ctl explain /data/staging/orders.csv --input /data/staging'],
  }),
  audit: verb(
    'audit',
    'Compares warehouse, manifests and ledger; each difference with what to do.',
    ['hash', 'fleet', 'json', 'feed', 'shared-ledger'],
    {
      examples: ['ingest-ctl audit --hash --input /data/staging'],
    },
  ),
  learn: verb(
    'learn',
    'Adds the content of a directory to the ledger: such files count as duplicates.',
    ['feed', 'shared-ledger'],
    {
      words: 'DIR',
      wordsMax: 1,
      examples: ['ingest-ctl learn /data/loaded-last-year --input /data/staging'],
    },
  ),
  'allow-again': verb(
    'allow-again',
    'Lets the next file with a stored content be ingested once more, as its next generation.',
    ['reason', 'feed', 'shared-ledger'],
    {
      words: 'SHA256|PATH|INGEST_ID',
      wordsMax: 1,
      examples: [
        "ingest-ctl allow-again /data/staging/orders.csv --reason 'the loader had lost it' --input /data/staging",
      ],
    },
  ),
  withdraw: verb(
    'withdraw',
    'Takes a wrongly ingested file out of the warehouse again, into failed/ of the work directory.',
    ['reason', 'feed', 'shared-ledger'],
    {
      words: 'SHA256|PATH|INGEST_ID',
      wordsMax: 1,
      examples: [
        "ingest-ctl withdraw /data/warehouse/ingest_date=2026-11-14/a.csv --reason 'test data' --input /data/in",
      ],
    },
  ),
  doctor: command({
    name: 'ingest-ctl doctor',
    summary: 'Checks the environment before the first file: each thing in one line, with its remedy.',
    options: [...FEED, 'state-path', 'json', 'shared-ledger'],
    needs: ['input', 'warehouse', 'manifests'],
    examples: ['ingest-ctl doctor --input /data/staging --warehouse /data/warehouse --manifests /data/manifests'],
  }),
  process: command({
    name: 'ingest-ctl process',
    summary: 'Runs a chain on a file and shows the first lines of its outputs; changes nothing.',
    words: 'FILE',
    wordsMax: 1,
    options: ['process', 'feed'],
    means: { feed: 'whose chain, where --config has several feeds' },
    examples: [
      'ingest-ctl process orders.csv --process orders.yaml',
      'ingest-ctl process orders.csv --feed orders --config /etc/atomic-ingestor.yaml',
    ],
  }),
  backup: verb('backup', 'Writes a whole copy of the state, while everything goes on.', [], {
    words: 'FILE',
    wordsMax: 1,
    examples: ['ingest-ctl backup /backup/ingest-$(date +%F).db --state-path /var/lib/atomic-ingestor/state.db'],
  }),
  prune: verb(
    'prune',
    'Forgets old histories and removes old duplicates and discarded files, as the options say; never a hash.',
    [...KEEPING, 'dry-run', 'feed'],
    {
      examples: [
        'ingest-ctl prune --dry-run --keep-history 90d --input /data/staging',
        'ingest-ctl prune --config /etc/atomic-ingestor.yaml',
      ],
    },
  ),
  host: verb(
    'host',
    'Changes the part of this host in the shared ledger, or of one that is gone for ever.',
    ['shared-ledger', 'yes'],
    {
      words: 'join|adopt|renew|rejoin|forget NAME, or lost',
      wordsMax: 2,
      examples: [
        'ingest-ctl host forget lake-3 --shared-ledger postgres://ingest@db.example.org/ingest',
        'ingest-ctl host join lake-1 --shared-ledger postgres://ingest@db.example.org/ingest --input /data/staging',
      ],
    },
  ),
  retire: verb('retire', 'Ends a feed that is not configured any more: audit and metrics leave it out.', [], {
    words: 'FEED',
    wordsMax: 1,
    examples: ['ingest-ctl retire orders --state-path /var/lib/atomic-ingestor/state.db'],
  }),
  'replace-warehouse': verb(
    'replace-warehouse',
    'Goes on in an empty warehouse: what was stored so far stays known, its files are no longer looked for.',
    ['feed'],
    {
      words: 'DIR',
      wordsMax: 1,
      examples: ['ingest-ctl replace-warehouse /data/warehouse --input /data/staging'],
    },
  ),
  rebuild: command({
    name: 'ingest-ctl rebuild',
    summary:
      'Makes a lost state anew, or brings an older copy up to date, from what is on disk. Run again, it goes on.',
    options: [...FEED, 'state-path', 'log-level'],
    needs: ['input', 'warehouse', 'manifests'],
    examples: ['ingest-ctl rebuild --config /etc/atomic-ingestor.yaml'],
  }),
} satisfies Record<string, CommandSpec>;
