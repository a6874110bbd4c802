/**
 * How a command talks to the person who called it: results on stdout, everything else on stderr.
 * Guarantees: an operator's error is one sentence, a bug shows its stack; a reader that went away is no error; for results one
 * that is slow is waited for, for the rest as long as for a line of the log.
 */
import { asOperatorError, EXIT } from '../base/errors.js';
import { stderr, writeAll } from '../base/telemetry/line-writer.js';
import { safeText } from '../base/telemetry/safe.js';

/** Straight to the descriptors: Node's streams take longer to load than `queue-stat` takes to look. */
const STDOUT = 1;

export const say = (line: string): void => sayRaw(`${line}\n`);
export const tell = (line: string): void => stderr.put(Buffer.from(`${line}\n`));

/** As it is, without the end of a line. */
export function sayRaw(text: string): void {
  try {
    writeAll(STDOUT, Buffer.from(text));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? EXIT.done);
  }
}

/** Runs `main` and ends the process with its answer. */
export async function runCommand(name: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    const told = asOperatorError(error);
    process.exitCode = told?.exitCode ?? EXIT.bug;
    // The sentence of a verb begins with its own name.
    if (told) tell(told.message.startsWith(`${name} `) ? safeText(told.message) : `${name}: ${safeText(told.message)}`);
    else tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}
