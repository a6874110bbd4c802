/**
 * The output of a command: results on stdout, everything else on stderr.
 * Guarantees: an operator's error is one sentence, a bug shows its stack. A reader that went away is no error. Results wait for a
 * slow reader; everything else waits as long as a line of the log does.
 */
import { asOperatorError, EXIT } from '../base/errors.js';
import { stderr, writeAll } from '../base/telemetry/line-writer.js';
import { safeText } from '../base/telemetry/safe.js';

/** Straight to the descriptors: Node's streams take longer to load than `queue-stat` takes to read a state. */
const STDOUT = 1;

export const print = (line: string): void => printRaw(`${line}\n`);
export const printNote = (line: string): void => stderr.put(Buffer.from(`${line}\n`));

/** Prints text without an end of line. */
export function printRaw(text: string): void {
  try {
    writeAll(STDOUT, Buffer.from(text));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? EXIT.done);
  }
}

/** Runs `main` and ends the process with the exit code that it returns. */
export async function runCommand(name: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    const known = asOperatorError(error);
    process.exitCode = known?.exitCode ?? EXIT.bug;
    // The sentence of a verb begins with its own name.
    if (known)
      printNote(known.message.startsWith(`${name} `) ? safeText(known.message) : `${name}: ${safeText(known.message)}`);
    else printNote(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}
