/** How an event is described: its level, and how a person reads it. */
import type { Fields } from './emit.js';
import { safeText } from './safe.js';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface EventSpec {
  level?: Level;
  /** `{path}` stands for the field of that name. A function puts in words and numbers of ours, and never a field itself. */
  say?: string | ((fields: Fields) => string);
  /** The message of its JSON line, where the fields beside it say the rest: of events that come once a file. */
  brief?: string;
}

/** Any value, safe for a terminal. */
export function text(value: unknown): string {
  if (typeof value === 'string') return safeText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return safeText(value.message);
  return safeText(JSON.stringify(value) ?? '');
}

type Say = NonNullable<EventSpec['say']>;
export const info = (say: Say): EventSpec => ({ say });
export const warn = (say: Say): EventSpec => ({ level: 'warn', say });
export const error = (say: Say): EventSpec => ({ level: 'error', say });
