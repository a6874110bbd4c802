/** The events of the ledger that hosts share. */
import { type EventSpec, text } from './event-spec.js';

export const SHARED_EVENTS: Record<string, EventSpec> = {
  shared_ledger_away: {
    level: 'warn',
    say: (f) => `${text(f.reason)}; what is hashed waits for it, and all else goes on`,
  },
  shared_ledger_back: { say: (f) => `the shared ledger ${text(f.ledger)} answers again` },
  shared_ledger_entered: {
    level: 'warn',
    say: (f) => `the shared ledger ${text(f.ledger)} has host ${text(f.host)} at this place now`,
  },
  shared_ledger_older: {
    level: 'error',
    say: (f) =>
      `the shared ledger ${text(f.ledger)} is older than host ${text(f.host)} remembers: it was restored, or a standby took over that lacked the last commits; all is told again before anything is asked`,
  },
  shared_rows_given_up: {
    say: (f) =>
      `${text(f.contents)} contents that this host had asked for, and does not have under way any more, are free again`,
  },
  content_stored_twice: {
    level: 'error',
    say: (f) =>
      `${text(f.contents)} contents are stored here and at another host too; ingest-ctl audit --fleet names them`,
  },
};
