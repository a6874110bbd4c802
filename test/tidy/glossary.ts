/**
 * Words that the text of this package does not use, each with its replacement, as far as a machine can find them.
 * ARCHITECTURE.md has the glossary that they follow from. Each rule has a line that it must catch and one that it must not.
 */
export interface Rule {
  /** Words or forms that the text does not use. */
  word: RegExp;
  instead: string;
  caught: string;
  allowed: string;
  /** Only in comments of code (default: documents too). */
  only?: 'comments';
  /** Paths in which the word has its own meaning. */
  except?: RegExp;
}

export const RULES: readonly Rule[] = [
  {
    word: /\b(?:tells?|told|telling)\b/i,
    instead: 'returns, logs, reports, notifies, emits, delivers, prints, answers',
    caught: 'An alarm is told when it begins.',
    allowed: 'An alarm is sent when it starts.',
    // A host tells the shared ledger the ends of its contents: `told` is a column.
    except:
      /^(?:src\/shared-ledger|src\/ingest\/(?:sharing|ledger)|test\/sharing)\/|^(?:src\/ingest\/stages\/share|src\/commands\/host|src\/base\/telemetry\/events|src\/service\/(?:status\/untold|dashboard\/data\/metrics)|src\/tools\/audit\/(?:shared|words)|test\/world\/fleet)\.ts$|^docs\/(?:decisions\/)?fleet\.md$|^ARCHITECTURE\.md$/,
  },
  {
    word: /\bbehind\b/i,
    instead: 'after (in time or order)',
    caught: 'The page behind it.',
    allowed: 'The page after it.',
  },
  {
    word: /\banew\b/i,
    instead: 'again, from scratch',
    caught: 'It is made anew.',
    allowed: 'It is made from scratch.',
  },
  { word: /\beldest\b/i, instead: 'oldest', caught: 'The eldest job.', allowed: 'The oldest job.' },
  {
    word: /\bas (?:ever|always)\b/i,
    instead: 'nothing, or "as usual"',
    caught: 'It goes on as ever.',
    allowed: 'It goes on.',
  },
  {
    word: /\b(?:in hand|in its hand|in (?:our|the|their) hands)\b/i,
    instead: 'in progress (claimed and being worked on)',
    caught: 'What is in hand is finished.',
    allowed: 'Work in progress is finished.',
  },
  {
    word: /\bpaces?\b/i,
    instead: 'rate limit, speed',
    caught: 'A loop of its own pace.',
    allowed: 'A loop with its own rate.',
  },
  {
    word: /\bbeats?\b(?!ing)/i,
    instead: 'heartbeat',
    caught: 'It watches their beats.',
    allowed: 'It watches their heartbeats.',
  },
  {
    word: /\b(?:a|the|each|one|next|first|last|two|at each|every) looks?\b|\blooks (?:at|of)\b(?= everything)/i,
    instead: 'a check (one path), a scan (a tree), a snapshot (the state)',
    caught: 'The next look finds it.',
    allowed: 'The next scan finds it, where an operator looks first.',
  },
  {
    word: /\bsettl(?:e|es|ed|ing)\b/i,
    instead: "quiet window (a file), debounces (a watcher), complete (an hour): settle is the queue's verb",
    caught: 'The watcher settles.',
    allowed: 'The watcher debounces.',
    // The queue settles jobs; and an option has the word in its name.
    except:
      /^(?:queue|src\/(?:ingest|service|process|tools|base)|test)\/|^(?:ARCHITECTURE|CHANGELOG|CONTRIBUTING)\.md$|^docs\/(?:decisions\/|errors|options|behaviour|guarantees|http-api|retention|benchmarks|alarms)/,
  },
  {
    word: /^\W*(?:Of|Who|Whoever|What|Where|Those|That of) (?!do\b|does\b|is\b|are\b|was\b|to\b|can\b|may\b|holds?\b|has\b|it does\b)[^.?]*(?:[.:]|$)/,
    instead: 'a noun phrase or a sentence with its subject first',
    caught: '/** Of those of one stage. */',
    allowed: '/** The least busy dispatcher of this stage. */',
    only: 'comments',
  },
  {
    word: /\b(?:that|those) of (?:those|whom|whose|it|them|one|another)\b/i,
    instead: 'the noun itself',
    caught: 'The time of that and those of one.',
    allowed: 'The times of one feed.',
  },
];

/** What is guarded. A folder is added when its text keeps all rules; the list ends at the whole package. */
export const GUARDED: readonly string[] = [
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'README.md',
  'bin',
  'docs/alarms.md',
  'docs/behaviour.md',
  'docs/benchmarks.md',
  'docs/consumers.md',
  'docs/coverage.md',
  'docs/decisions',
  'docs/errors.md',
  'docs/fleet.md',
  'docs/guarantees.md',
  'docs/http-api.md',
  'docs/install.md',
  'docs/options.md',
  'docs/processing.md',
  'docs/replicate.md',
  'docs/retention.md',
  'docs/watcher.md',
  'ops',
  'queue',
  'src/base',
  'src/change-log',
  'src/commands',
  'src/files',
  'src/ingest',
  'src/linux',
  'src/mirror',
  'src/process',
  'src/programs',
  'src/service',
  'src/shared-ledger',
  'src/tools',
  'src/watcher',
  'test',
];
