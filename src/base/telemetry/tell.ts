/**
 * The words of a process on stderr beside its events: a sentence, the stack of a bug, a warning of Node.
 * Guarantees: text before a log begins, and where a person watches; an event where the log is JSON.
 * Does not: see what Node prints while it is aborted, as when no memory is left.
 */
import { asOperatorError, EXIT, type ExitCode } from '../errors.js';
import { emit, type Fields } from './emit.js';
import { LineWriter, stderr } from './line-writer.js';

export type LogForm = 'lines' | 'json';

let form: LogForm | undefined;
/** The lines of the log. */
export const logWriter = new LineWriter();
/** The warnings before the log began: what is deprecated is warned of while the program is loaded. */
const early: Error[] = [];

/** Before anything else of a program. Warnings are kept until its log begins; where it has none, they are printed at its end. */
export function hearWarnings(): void {
  // Node has no listener where warnings are switched off (NODE_NO_WARNINGS).
  if (process.listenerCount('warning') === 0) return;
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (form === undefined) early.push(warning);
    else tellWarning(warning);
  });
  process.once('exit', () => early.forEach(tellWarning));
}

/** Called once, when the events have their subscriber. */
export function logBegins(its: LogForm): void {
  form = its;
  early.splice(0).forEach(tellWarning);
}

export const hasLog = (): boolean => form !== undefined;

/** The event where the log is JSON, else the text. */
function say(event: string, fields: Fields, text: string): void {
  if (form === 'json') emit(event, fields);
  else stderr.put(Buffer.from(`${text}\n`));
}

/** A sentence for whoever reads stderr. */
export const tell = (sentence: string): void => say('note', { text: sentence }, sentence);

/** How far a command is. */
export const tellProgress = (sentence: string): void => say('progress', { text: sentence }, sentence);

/** The reason for which a command ends: a sentence that is safe for a terminal. */
export const tellFatal = (sentence: string, code?: string): void =>
  say('fatal', { reason: sentence, ...(code !== undefined && { code }) }, sentence);

/** Written at once: the process may be killed next. */
export function tellBug(error: unknown): void {
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  say('fatal', { reason: message, stack }, stack);
  logWriter.flush();
}

/** Returns the exit code. `sentenceOf` makes the line of an operator's error. */
export function tellEnd(error: unknown, sentenceOf: (message: string) => string): ExitCode {
  const known = asOperatorError(error);
  if (known) tellFatal(sentenceOf(known.message), known.code);
  else tellBug(error);
  return known?.exitCode ?? EXIT.bug;
}

const tellWarning = ({ name, message, stack }: Error): void =>
  say('node_warning', { kind: name, reason: message, stack }, `${name}: ${message}`);
