/** ingest-ctl: finds the verb; each has a file of its own. */
import { COMMANDS, CTL_VERBS } from '../base/config/commands.js';
import { suggestion } from '../base/config/values/nearest.js';
import { OperatorError } from '../base/errors.js';
import { say } from './console.js';

type Verb = (typeof CTL_VERBS)[number];
type Run = (argv: readonly string[]) => Promise<number>;

/** Loaded when it is known which: a listing needs nothing of what rebuilds a state. */
const RUNS: Record<Verb, () => Promise<Run>> = {
  held: async () => (await import('./held.js')).held,
  retry: async () => (await import('./retry.js')).retry,
  discard: async () => (await import('./discard.js')).discard,
  pause: async () => (await import('./pause.js')).pause,
  resume: async () => (await import('./resume.js')).resume,
  explain: async () => (await import('./explain.js')).explain,
  audit: async () => (await import('./audit.js')).audit,
  learn: async () => (await import('./learn.js')).learn,
  'allow-again': async () => (await import('./allow-again.js')).allowAgain,
  withdraw: async () => (await import('./withdraw.js')).withdraw,
  doctor: async () => (await import('./doctor.js')).doctor,
  process: async () => (await import('./process.js')).processOne,
  backup: async () => (await import('./backup.js')).backup,
  prune: async () => (await import('./prune.js')).prune,
  host: async () => (await import('./host.js')).host,
  retire: async () => (await import('./retire.js')).retire,
  'replace-warehouse': async () => (await import('./replace-warehouse.js')).replaceWarehouse,
  rebuild: async () => (await import('./rebuild.js')).rebuild,
};

export async function ingestCtl(argv: readonly string[]): Promise<number> {
  const [verb = '--help', ...rest] = argv;
  if (verb === '--help' || verb === '-h' || verb === 'help') {
    say(overview());
    return 0;
  }
  if (verb === '--version') return (await RUNS.held())(['--version']);
  if (!isVerb(verb)) {
    const hint = suggestion(verb, CTL_VERBS);
    throw new OperatorError(
      'unknown_verb',
      `${JSON.stringify(verb)} is not a verb of ingest-ctl; ${hint}it has ${CTL_VERBS.join(', ')}.`,
    );
  }
  return (await RUNS[verb]())(rest);
}

const isVerb = (word: string): word is Verb => (CTL_VERBS as readonly string[]).includes(word);

function overview(): string {
  const lines = CTL_VERBS.map((verb) => `  ${`${verb} ${COMMANDS[verb].words}`.padEnd(24)}${COMMANDS[verb].summary}`);
  return `The operator's hand on a state.\n\nUsage: ingest-ctl VERB [options]\n\nVerbs:\n${lines.join('\n')}\n\ningest-ctl VERB --help lists the options of each. A state is found by --state-path, --input or --config.`;
}
