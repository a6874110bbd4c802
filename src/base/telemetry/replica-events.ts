/** The events of a mirror. */
import { type EventSpec, text } from './event-spec.js';
import { shownBytes, shownSeconds } from './safe.js';

export const REPLICA_EVENTS: Record<string, EventSpec> = {
  replicating: { say: (f) => `${text(f.dest)} is kept a mirror of ${text(f.source)}` },
  replica_scan_done: {
    say: (f) =>
      `everything was compared in ${shownSeconds(Number(f.seconds))}: ${text(f.files)} names so far, ${text(f.copied)} copied (${shownBytes(Number(f.bytes))}), ${text(f.removed)} removed`,
  },
  replica_metrics: { level: 'info' },
  replica_failed: {
    level: 'warn',
    say: (f) => `${text(f.path)} cannot be mirrored (${text(f.code)}): ${text(f.reason)}; it is tried again`,
  },
  replica_healed: { say: (f) => `${text(f.path)} is mirrored again` },
  replica_special: { say: (f) => `${text(f.path)} is a ${text(f.kind)}: it is not mirrored` },
  replica_waiting: {
    level: 'error',
    say: (f) =>
      `${text(f.dest)} cannot be written to (${text(f.code)}): ${text(f.reason)}; it goes on by itself when that is repaired`,
  },
  replica_goes_on: { say: (f) => `${text(f.dest)} can be written to again` },
  replica_overflow: {
    level: 'warn',
    say: (f) => `more has changed than could be noted one by one (${text(f.reason)}); a scan finds it`,
  },
  replica_watch_trouble: { level: 'warn', say: (f) => text(f.reason) },
  replica_watch_recovered: { say: (f) => `the trouble of the watcher (${text(f.code)}) is over` },
  replica_log_failing: {
    level: 'warn',
    say: (f) =>
      `the change log cannot be used (${text(f.reason)}); what changes meanwhile is found when everything is compared`,
  },
  source_missing: {
    level: 'error',
    say: (f) => `SOURCE ${text(f.path)} ${text(f.reason)}; nothing is removed meanwhile`,
  },
  source_back: { say: (f) => `SOURCE ${text(f.path)} is back` },
  dest_missing: {
    level: 'error',
    say: (f) => `DEST ${text(f.path)} ${text(f.reason)}; nothing is written until it is back`,
  },
  dest_back: { say: (f) => `DEST ${text(f.path)} is back` },
};
