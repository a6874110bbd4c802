/**
 * How a command talks to the person who called it: results on stdout, everything else on stderr.
 * Guarantees: an operator's error is one sentence, a bug shows its stack; a reader that went away is no error.
 */
import { asOperatorError, EXIT } from '../errors.js';
import { safeText } from '../telemetry/safe.js';

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const tell = (line: string): void => void process.stderr.write(`${line}\n`);

/** Runs `main` and ends the process with its answer. */
export async function runCommand(name: string, main: () => Promise<number>): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) process.exit(process.exitCode ?? EXIT.done);
    });
  }
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
