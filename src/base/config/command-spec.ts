/** How one command is described, and the groups of options that several commands take. */
import { commonFields, feedFields } from './schema.js';

export interface CommandSpec {
  /** The words that are typed: `ingest`, `ingest-ctl held`. */
  name: string;
  /** One sentence: the first line of its help, and the NAME of the man page. */
  summary: string;
  /** The DESCRIPTION of the man page: paragraphs, parted by an empty line. */
  about: string;
  /** The words after the name in the usage line: `SOURCE DEST`. */
  words: string;
  /** As many as `words` names. */
  wordsMax: number;
  options: readonly string[];
  examples: readonly string[];
  /** The meaning of exit code 4. Undefined: this command never ends with it. */
  unfinished?: string;
  /** The heading of a verb in the overview of `ingest-ctl`. */
  group?: string | undefined;
  /** The effect of an option in this command, where its own text speaks of another one. */
  means?: Readonly<Record<string, string>>;
  /** Options without which the command names what is missing. */
  needs: readonly string[];
}

const COMMON = Object.keys(commonFields);
export const FEED = Object.keys(feedFields);
export const FIND = ['state-path', 'input'];
export const DASHBOARD = ['dashboard', 'dashboard-token-file', 'dashboard-hosts'];
export const ALARMS = ['notify-command', 'notify-webhook', 'notify-secret-file'];
export const KEEPING = ['keep-history', 'keep-duplicates', 'duplicates-max-bytes', 'keep-failed', 'failed-max-bytes'];
export const LOGS = ['log-level', 'metrics-interval-seconds', 'trace'];

export type Described = Omit<CommandSpec, 'name' | 'words' | 'wordsMax' | 'needs'> & Partial<CommandSpec>;

/** Each under its name, `prefix` before it. `group`: their heading in the overview of `ingest-ctl`. */
export function commands<Name extends string>(described: Record<Name, Described>, prefix = '', group?: string) {
  const specs = Object.entries<Described>(described).map(([name, spec]): [string, CommandSpec] => {
    const { words = '', needs = [] } = spec;
    const options = [...spec.options, ...COMMON];
    return [name, { name: `${prefix}${name}`, ...spec, words, needs, group, options, wordsMax: wordsMaxOf(words) }];
  });
  return Object.fromEntries(specs) as Record<Name, CommandSpec>;
}

/** `JOBID…` may be named as often as one likes. */
const wordsMaxOf = (words: string): number => (words.endsWith('…') ? 10_000 : words.split(' ').filter(Boolean).length);
