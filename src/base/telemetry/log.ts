/** The log of a process that runs for long: JSON lines on stderr, or short lines where a person watches. */
import { pasteable, type Shell } from '../config/paste.js';
import { bunyanSubscriber } from './bunyan.js';
import { type Fields, subscribe } from './emit.js';
import type { Level } from './event-spec.js';
import { hasLog, type LogForm, logBegins, logWriter } from './tell.js';
import { terminalSubscriber } from './terminal.js';

/** Safe to call twice. `common`: fields of every line. `shell`: where the reader pastes the commands of an event. */
export function beginLog(form: LogForm, level: Level, common: Fields, shell?: Shell): void {
  if (hasLog()) return;
  const log = form === 'json' ? bunyanSubscriber(level, common, logWriter) : terminalSubscriber(level, logWriter);
  subscribe(shell ? (event, fields) => log(event, pasteable(fields, shell)) : log);
  logBegins(form);
}
