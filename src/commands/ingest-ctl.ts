/** ingest-ctl: finds the verb; each has a file of its own. */
import { CTL_VERBS } from '../base/config/commands.js';
import type { Invocation } from '../base/config/read.js';
import { suggestion } from '../base/config/values/nearest.js';
import { OperatorError } from '../base/errors.js';
import { overview, shortOverview } from '../base/help/help.js';
import { askedFor } from './ask.js';
import { print } from './console.js';

type Verb = (typeof CTL_VERBS)[number];
type Run = (invocation: Invocation) => Promise<number>;

/** Loaded when it is known which: a listing needs nothing of what rebuilds a state. */
const RUNS: Record<Verb, () => Promise<Run>> = {
  held: async () => (await import('./held.js')).held,
  retry: async () => (await import('./retry-discard.js')).retry,
  discard: async () => (await import('./retry-discard.js')).discard,
  pause: async () => (await import('./pause-resume.js')).pause,
  resume: async () => (await import('./pause-resume.js')).resume,
  explain: async () => (await import('./explain.js')).explain,
  audit: async () => (await import('./audit.js')).audit,
  learn: async () => (await import('./learn.js')).learn,
  'allow-again': async () => (await import('./allow-again-withdraw.js')).allowAgain,
  withdraw: async () => (await import('./allow-again-withdraw.js')).withdraw,
  doctor: async () => (await import('./doctor.js')).doctor,
  'notify-test': async () => (await import('./notify-test.js')).notifyTest,
  'check-config': async () => (await import('./check-config.js')).checkConfig,
  process: async () => (await import('./process.js')).processOne,
  backup: async () => (await import('./backup.js')).backup,
  prune: async () => (await import('./prune.js')).prune,
  retire: async () => (await import('./retire.js')).retire,
  'replace-warehouse': async () => (await import('./replace-warehouse.js')).replaceWarehouse,
  host: async () => (await import('./host.js')).host,
  rebuild: async () => (await import('./rebuild.js')).rebuild,
};

const HELP = ['--help', '-h', 'help', '--help-all'];

export async function ingestCtl(argv: readonly string[]): Promise<number> {
  const [first = 'help', ...rest] = argv;
  if (HELP.includes(first)) {
    const [verb] = rest;
    const isAll = first === '--help-all';
    if (verb === undefined) print((isAll ? overview : shortOverview)().trimEnd());
    else askedFor(verbOf(verb), [isAll ? first : '--help']);
    return 0;
  }
  // Every verb has the version of the program.
  const verb = first === '--version' ? 'held' : verbOf(first);
  const invocation = askedFor(verb, first === '--version' ? [first] : rest);
  return invocation ? (await RUNS[verb]())(invocation) : 0;
}

function verbOf(word: string): Verb {
  if (isVerb(word)) return word;
  const known = `the verbs are ${CTL_VERBS.join(', ')}`;
  throw new OperatorError(
    'unknown_verb',
    word.startsWith('-')
      ? `ingest-ctl takes its verb first, but got ${JSON.stringify(word)}; write ingest-ctl VERB ${word}: ${known}.`
      : `${JSON.stringify(word)} is not a verb of ingest-ctl; ${suggestion(word, CTL_VERBS)}${known}.`,
  );
}

const isVerb = (word: string): word is Verb => (CTL_VERBS as readonly string[]).includes(word);
