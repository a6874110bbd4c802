/**
 * The output of a command: results on stdout, everything else on stderr. Commands in it run when its reader pastes them.
 * Guarantees: an operator's error is one sentence, a bug shows its stack. A reader that went away is no error. Results wait for a
 * slow reader; everything else waits as long as a line of the log does.
 */

import { argumentsOf } from '../base/arguments.js';
import { pasteable, type Shell } from '../base/config/paste.js';
import { EnvironmentError, EXIT } from '../base/errors.js';
import { writeAll } from '../base/telemetry/line-writer.js';
import { safeJsonLine, safeText } from '../base/telemetry/safe.js';
import { hearWarnings, tell, tellBug, tellEnd } from '../base/telemetry/tell.js';

/** Straight to the descriptors: Node's streams take longer to load than `queue-stat` takes to read a state. */
const STDOUT = 1;

/** Undefined as long as the options have not been read. */
let reader: Shell | undefined;

/** Called once, by the first step of a command. */
export function speakTo(shell: Shell): void {
  reader = shell;
}

/** With its commands as the reader of this command can paste them. */
export const said = <T>(value: T): T => (reader === undefined ? value : pasteable(value, reader));

export const print = (line: string): void => printRaw(`${said(line)}\n`);
export function printJson(value: unknown, indent = 0): void {
  const lines = JSON.stringify(said(value), undefined, indent).split('\n');
  printRaw(`${lines.map(safeJsonLine).join('\n')}\n`);
}
/** An event where the log of this command is JSON. */
export const printNote = (line: string): void => tell(said(line));

/** Prints text without an end of line. */
export function printRaw(text: string): void {
  try {
    writeAll(STDOUT, Buffer.from(text));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPIPE') process.exit(process.exitCode ?? EXIT.done);
    if (code === undefined) throw error;
    const why =
      code === 'EBADF'
        ? 'is closed, or not open for writing (EBADF); send them to a file, or to /dev/null.'
        : `takes none (${code}); free space where it leads to, or send them elsewhere.`;
    throw new EnvironmentError('stdout_unwritable', `the results are written to stdout, but it ${why}`);
  }
}

/** Runs `main` with the arguments of this process, and ends the process with the exit code that it returns. */
export async function runCommand(name: string, main: (argv: readonly string[]) => Promise<number>): Promise<void> {
  hearWarnings();
  process.on('uncaughtException', (error) => {
    tellBug(error);
    process.exit(EXIT.bug);
  });
  try {
    process.exitCode = await main(argumentsOf());
  } catch (error) {
    // The sentence of a verb begins with its own name.
    process.exitCode = tellEnd(error, (message) =>
      said(message.startsWith(`${name} `) ? safeText(message) : `${name}: ${safeText(message)}`),
    );
  }
}
