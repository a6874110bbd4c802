/** The events of the ledger that hosts share. */
import { type EventSpec, text } from './event-spec.js';

export const FLEET_EVENTS: Record<string, EventSpec> = {
  shared_ledger_away: {
    level: 'warn',
    say: (f) => `${text(f.reason)} (${text(f.code)}); what is hashed waits for it, and all else goes on`,
  },
  shared_ledger_back: { say: (f) => `the shared ledger ${text(f.ledger)} answers again` },
  shared_ledger_rolled_back: {
    level: 'error',
    say: (f) =>
      `the shared ledger ${text(f.ledger)} knows less than this host has recorded there (${text(f.known)} of ${text(f.told)}): it was restored, or a standby took over that lacked the last commits; all is recorded again before it is asked`,
  },
  shared_ledger_told_again: {
    level: 'warn',
    say: (f) =>
      `the shared ledger ${text(f.ledger)} has ${text(f.contents)} contents of this host recorded again; other hosts have stored ${text(f.stored_twice)} of them meanwhile`,
  },
  shared_rows_given_up: {
    say: (f) => `${text(f.contents)} contents that this host had asked for and never recorded are free again`,
  },
  carried_elsewhere: {
    level: 'warn',
    say: (f) =>
      `${text(f.contents)} contents that were on their way here are other hosts' by now, as the shared ledger ${text(f.ledger)} says: their files ask again`,
  },
  content_stored_twice: {
    level: 'error',
    say: (f) =>
      `${text(f.contents)} contents are stored here and at another host too; the table conflicts of the shared ledger ${text(f.ledger)} names them`,
  },
};
