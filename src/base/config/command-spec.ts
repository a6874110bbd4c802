/** How one command is described, and the groups of options that several take. */
import { commonFields, feedFields } from './schema.js';

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
  /** What an option does here, where its own text speaks of another command. */
  means?: Readonly<Record<string, string>>;
  /** Options without which the command says what is missing. */
  needs: readonly string[];
}

const COMMON = Object.keys(commonFields);
export const FEED = Object.keys(feedFields);
export const FIND = ['state-path', 'input'];
export const DASHBOARD = ['dashboard', 'dashboard-token-file', 'dashboard-hosts'];
export const ALARMS = ['notify-command', 'notify-webhook', 'notify-secret-file'];
export const KEEPING = ['keep-history', 'keep-duplicates', 'duplicates-max-bytes', 'keep-failed', 'failed-max-bytes'];
export const LOGS = ['log-level', 'metrics-interval-seconds', 'trace'];

export const command = (
  spec: Omit<CommandSpec, 'words' | 'wordsMax' | 'needs'> & Partial<CommandSpec>,
): CommandSpec => ({
  words: '',
  wordsMax: 0,
  needs: [],
  ...spec,
  options: [...spec.options, ...COMMON],
});
