/** The events of the stage `process`: what it made of a file, what a processor printed, and a header that is another one. */
import { type EventSpec, text } from './event-spec.js';

export const CHAIN_EVENTS: Record<string, EventSpec> = {
  file_processed: {
    brief: 'processed',
    say: (f) =>
      `${text(f.path)} was processed: ${counted(f.rows, 'record')}${f.rejected === 0 ? '' : `, ${text(f.rejected)} of them rejected`}; ${counted(f.outputs, 'output')}`,
  },
  header_changed: {
    level: 'warn',
    say: (f) =>
      `the header of ${text(f.path)} differs from the header of the files of ${text(f.feed)} before it: ${text(f.before)} → ${text(f.header ?? 'one that is too long to be shown')}`,
  },
  // Level info: who prints in a processor means to see it.
  process_printed: {
    brief: 'printed by the chain',
    say: (f) =>
      `the chain of ${text(f.feed)} printed${f.job === undefined ? '' : ` at job ${text(f.job)}`}: ${text(String(f.text).trimEnd())}`,
  },
};

/** `1 record`, `2 records` */
const counted = (count: unknown, what: string): string => `${text(count)} ${what}${count === 1 ? '' : 's'}`;
