/** The events of the stage `process`: what it made of a file, what a processor printed, and a header that is another one. */
import { type EventSpec, warn } from './event-spec.js';

export const CHAIN_EVENTS: Record<string, EventSpec> = {
  file_processed: {
    brief: 'processed',
    say: (f) =>
      `{path} was processed: ${counted(f.rows, 'record')}${f.rejected === 0 ? '' : ', {rejected} of them rejected'}${f.first_rejected === undefined ? '' : ' (the first: {first_rejected})'}; ${counted(f.outputs, 'output')}`,
  },
  header_changed: warn(
    (f) =>
      `the header of {path} differs from the header of the files of {feed} before it: {before} → ${f.header === undefined ? 'one that is too long to be shown' : '{header}'}`,
  ),
  // Level info: who prints in a processor means to see it.
  process_printed: {
    brief: 'printed by the chain',
    say: (f) => `the chain of {feed} printed${f.job === undefined ? '' : ' at job {job}'}: {text}`,
  },
};

/** `1 record`, `2 records` */
const counted = (count: unknown, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
