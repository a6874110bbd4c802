/**
 * Events as bunyan lines: one JSON object a line on stderr, `event` names each, `severity` says the level as text
 * (bunyan's own `level` stays a number, its command line tool needs it).
 * Guarantees: one line per event, whatever is in the names.
 */
import bunyan from 'bunyan';
import type { Fields, Subscriber } from './emit.js';
import { type Level, levelOf, sentenceOf } from './events.js';
import { LineWriter } from './line-writer.js';
import { safeJsonLine } from './safe.js';

/** Bunyan's own keys: a field of that name would replace them. */
const RESERVED = ['name', 'hostname', 'pid', 'level', 'msg', 'time', 'v', 'severity', 'event', 'src'];

export function bunyanSubscriber(level: Level, common: Fields = {}, writer = new LineWriter()): Subscriber {
  const log = bunyan.createLogger({
    name: 'atomic-ingestor',
    level,
    stream: { write: (line: string) => writer.write(safeJsonLine(line.trimEnd()).concat('\n')) } as never,
    ...plain(common),
  });
  return (event, fields) => {
    const severity = levelOf(event);
    if (log.level() > bunyan.levelFromName[severity]) return;
    log[severity]({ event, severity, ...plain(fields) }, sentenceOf(event, fields));
  };
}

function plain(fields: Fields): Fields {
  const out: Fields = {};
  for (const [key, value] of Object.entries(fields)) {
    out[RESERVED.includes(key) ? `field_${key}` : key] = plainValue(value);
  }
  return out;
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return value.message;
  return value;
}
