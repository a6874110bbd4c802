/**
 * The log of a process that runs for long: short lines where a person watches, elsewhere JSON lines on stderr by bunyan. `event`
 * names each, `severity` says the level as text (bunyan's own `level` stays a number, its command line tool needs it).
 * Guarantees: one line an event, whatever characters the names have.
 */

import bunyan from 'bunyan';
import { pasteable, type Shell } from '../config/paste.js';
import { type Fields, type Subscriber, subscribe } from './emit.js';
import { type Level, levelOf, messageOf } from './events.js';
import { LineWriter } from './line-writer.js';
import { safeJsonLine } from './safe.js';
import { hasLog, type LogForm, logBegins, logWriter } from './tell.js';
import { terminalSubscriber } from './terminal.js';

/** Safe to call twice. `common`: fields of every line. `shell`: where the reader pastes the commands of an event. */
export function beginLog(form: LogForm, level: Level, common: Fields, shell?: Shell): void {
  if (hasLog()) return;
  const log = form === 'json' ? bunyanSubscriber(level, common, logWriter) : terminalSubscriber(level, logWriter);
  subscribe(shell ? (event, fields) => log(event, pasteable(fields, shell)) : log);
  logBegins(form);
}

/** Bunyan's own keys: a field of that name would replace them. */
const RESERVED = new Set(['name', 'hostname', 'pid', 'level', 'msg', 'time', 'v', 'severity', 'event', 'src']);

export function bunyanSubscriber(level: Level, common: Fields = {}, writer = new LineWriter()): Subscriber {
  const log = bunyan.createLogger({
    name: 'atomic-ingestor',
    streams: [{ level, type: 'raw', stream: { write: (record: object) => writer.write(lineOf(record)) } as never }],
    ...withPlain({}, common),
  });
  return (event, fields) => {
    const severity = levelOf(event);
    if (log.level() > bunyan.levelFromName[severity]) return;
    log[severity](withPlain({ event, severity }, fields), messageOf(event, fields));
  };
}

/** Writes a record as bunyan does it. */
const lineOf = (record: object): string => `${safeJsonLine(JSON.stringify(record))}\n`;

/** Adds fields to a record of ours, each as what JSON can say of it. */
function withPlain(record: Fields, fields: Fields): Fields {
  for (const key in fields) record[RESERVED.has(key) ? `field_${key}` : key] = plainValue(fields[key]);
  return record;
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return value.message;
  return value;
}
