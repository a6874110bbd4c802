/**
 * The first step of every command: reads its options, and prints the help and the version. Refuses a system that nothing can work on;
 * `doctor` goes on there, and says so among its findings.
 */
import type { CommandName } from '../base/config/commands.js';
import { shellOf } from '../base/config/paste.js';
import { type Invocation, readInvocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { fullHelp, shortHelp } from '../base/help/help.js';
import { refuseLack } from '../base/surroundings.js';
import { packageVersion } from '../package.js';
import { print, speakTo } from './console.js';

/** Undefined where help or the version was asked for; it has been printed. */
export function askedFor(command: CommandName, argv: readonly string[], env = process.env): Invocation | undefined {
  const invocation = readInvocation(command, argv, env);
  if (!invocation.help && !invocation.version) speakTo(shellOf(invocation, env));
  if (invocation.help) print((invocation.help === 'all' ? fullHelp : shortHelp)(invocation.spec).trimEnd());
  else if (invocation.version) print(packageVersion());
  else {
    if (command !== 'doctor') refuseLack();
    return invocation;
  }
  return undefined;
}

/** The one word of a verb that needs one. `what`: with its article. Errors: OperatorError. */
export function oneWord({ words, spec }: Invocation, what: string): string {
  const [word] = words;
  if (word !== undefined) return word;
  throw new OperatorError(
    'missing_word',
    `${spec.name} needs ${what}, but got none; write ${spec.name} ${spec.words}.`,
  );
}
