/** The commands, their options and the package, for the man pages, the completions and docs/options.md: out of the built schema. */
import { readFileSync } from 'node:fs';
import { COMMANDS, CTL_PROGRAM, CTL_VERBS, PROGRAM_NAMES } from '../../dist/src/base/config/commands.js';
import { STAGE_NAMES } from '../../dist/src/base/config/values/stage-names.js';

export { CTL_PROGRAM } from '../../dist/src/base/config/commands.js';
export { VERB_GROUPS } from '../../dist/src/base/config/ctl-verbs.js';
export { firstSentence } from '../../dist/src/base/config/values/field.js';
export {
  completionOf,
  exitCodesOf,
  sectionsOf,
  TIMES,
  takesTimes,
  usageOf,
  wordCompletionOf,
} from '../../dist/src/base/help/describe.js';
export { shellLines, wrap } from '../../dist/src/base/help/help.js';

export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
export const STAGES = STAGE_NAMES;
/** The commands without verbs. */
export const programs = PROGRAM_NAMES.map((name) => COMMANDS[name]);
/** The verbs of ingest-ctl: `{ verb, ...its description }`. */
export const verbs = CTL_VERBS.map((verb) => ({ verb, ...COMMANDS[verb] }));
/** Every command that has a page of its own. */
export const commands = [...programs, CTL_PROGRAM, ...verbs];
export const pageOf = ({ name }) => name.replace(' ', '-');
