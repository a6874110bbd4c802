/**
 * How a command talks to the person who called it: results on stdout, everything else on stderr.
 * Guarantees: an operator's error is one sentence, a bug shows its stack; a reader that went away is no error, one that is slow
 * is waited for.
 */
import { asOperatorError, EXIT } from '../errors.js';
import { writeAll } from '../telemetry/line-writer.js';
import { safeText } from '../telemetry/safe.js';

/** Straight to the descriptors: Node's streams take longer to load than `queue-stat` takes to look. */
const STDOUT = 1;
const STDERR = 2;

export const say = (line: string): void => sayRaw(`${line}\n`);
export const tell = (line: string): void => unlessGone(STDERR, `${line}\n`, () => {});
/** As it is, without the end of a line. */
export const sayRaw = (text: string): void =>
  unlessGone(STDOUT, text, () => process.exit(process.exitCode ?? EXIT.done));

function unlessGone(fd: number, text: string, otherwise: () => void): void {
  try {
    writeAll(fd, Buffer.from(text));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    otherwise();
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
