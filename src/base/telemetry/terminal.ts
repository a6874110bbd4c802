/**
 * Events as short lines for a person at a terminal, and the one status line below them.
 * Guarantees: several processes may write at once: every line first clears the status line, which its owner draws again.
 */
import type { Subscriber } from './emit.js';
import { type Level, levelOf, sentenceOf } from './events.js';
import { LineWriter } from './line-writer.js';
import { safeText } from './safe.js';

/** The status line says the same, or the line of the stored file does. */
const UNSAID = new Set(['metrics', 'replica_metrics', 'file_ready']);

const ORDER: Level[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const CLEAR_LINE = '\r\u001b[K';
const YELLOW = '\u001b[33m';
const RED = '\u001b[31m';
const PLAIN = '\u001b[0m';

export function terminalSubscriber(level: Level, writer = new LineWriter()): Subscriber {
  return (event, fields) => {
    if (UNSAID.has(event)) return;
    const severity = levelOf(event);
    if (ORDER.indexOf(severity) < ORDER.indexOf(level)) return;
    const time = new Date().toTimeString().slice(0, 8);
    writer.write(`${CLEAR_LINE}${time} ${marked(severity, sentenceOf(event, fields))}\n`);
  };
}

/** A warning or an error has its name before it, and a colour unless NO_COLOR is set (no-color.org). */
function marked(severity: Level, sentence: string): string {
  if (ORDER.indexOf(severity) < ORDER.indexOf('warn')) return sentence;
  const named = `${severity}: ${sentence}`;
  return process.env.NO_COLOR ? named : `${severity === 'warn' ? YELLOW : RED}${named}${PLAIN}`;
}

/** Draws and redraws the last line of the terminal. */
export class StatusLine {
  #shown = false;
  readonly #writer = new LineWriter();

  show(text: string): void {
    const width = process.stderr.columns || 80;
    const safe = safeText(text);
    this.#writer.write(CLEAR_LINE + (safe.length < width ? safe : `${safe.slice(0, width - 2)}…`));
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#writer.write(CLEAR_LINE);
    this.#shown = false;
    this.#writer.flush();
  }
}
