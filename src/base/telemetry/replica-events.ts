/** The events of a mirror. */
import { type EventSpec, error, info, warn } from './event-spec.js';
import { shownBytes, shownSeconds } from './safe.js';

export const REPLICA_EVENTS: Record<string, EventSpec> = {
  replicating: info('{dest} is kept a mirror of {source}'),
  replica_scan_done: info(
    (f) =>
      `everything was compared in ${shownSeconds(Number(f.seconds))}: {files} names so far, {copied} copied (${shownBytes(Number(f.bytes))}), {removed} removed`,
  ),
  replica_failed: warn('{path} cannot be mirrored ({code}): {reason}; it is tried again'),
  replica_healed: info('{path} is mirrored again'),
  replica_special: info('{path} is a {kind}: it is not mirrored'),
  replica_waiting: error('{dest} cannot be written to ({code}): {reason}; it goes on by itself when that is repaired'),
  replica_goes_on: info('{dest} can be written to again'),
  replica_overflow: warn('more has changed than could be noted one by one ({reason}); a scan finds it'),
  replica_watch_trouble: warn('{reason}'),
  replica_watch_recovered: info('the trouble of the watcher ({code}) is over'),
  replica_log_failing: warn(
    'the change log cannot be used ({reason}); what changes meanwhile is found when everything is compared',
  ),
  source_missing: error('SOURCE {path} {reason}; nothing is removed meanwhile'),
  source_back: info('SOURCE {path} is back'),
  dest_missing: error('DEST {path} {reason}; nothing is written until it is back'),
  dest_back: info('DEST {path} is back'),
};
