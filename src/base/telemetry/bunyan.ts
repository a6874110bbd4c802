/**
 * Events as bunyan lines: one JSON object a line on stderr, `event` names each, `severity` says the level as text
 * (bunyan's own `level` stays a number, its command line tool needs it).
 * Guarantees: one line an event, whatever characters the names have.
 */
import bunyan from 'bunyan';
import type { Fields, Subscriber } from './emit.js';
import type { Level } from './event-spec.js';
import { levelOf, messageOf } from './events.js';
import { LineWriter } from './line-writer.js';
import { safeJsonLine } from './safe.js';

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
