/**
 * The events of the log: their level, and how a person reads them. An event that is not listed has level info and
 * is shown with its fields.
 * Does not: decide when an event happens.
 */

import { BUCKET_EVENTS } from './bucket-events.js';
import { CHAIN_EVENTS } from './chain-events.js';
import type { Fields } from './emit.js';
import { type EventSpec, error, info, type Level, text, warn } from './event-spec.js';
import { PROCESS_EVENTS } from './process-events.js';
import { REPLICA_EVENTS } from './replica-events.js';
import { shownBytes, shownSeconds } from './safe.js';
import { SHARED_EVENTS } from './shared-events.js';

const EVENTS: Record<string, EventSpec> = {
  ...PROCESS_EVENTS,
  ...SHARED_EVENTS,
  ...BUCKET_EVENTS,
  ...CHAIN_EVENTS,
  ...REPLICA_EVENTS,
  file_ready: { brief: 'complete', say: '{path} is complete' },
  sidecar_without_checksum: info(
    'the sidecar of {path} holds no SHA-256, so it says that the file is whole and nothing is checked',
  ),
  file_ingested: {
    brief: 'stored',
    say: (f) =>
      `{path} → {warehouse_path} (${shownBytes(Number(f.bytes ?? 0))}${f.seconds === undefined ? '' : `, ${shownSeconds(Number(f.seconds))}`}${f.outputs === undefined ? '' : `, {outputs} ${f.outputs === 1 ? 'output' : 'outputs'}`})`,
  },
  file_skipped_duplicate: {
    brief: 'a duplicate',
    say: (f) =>
      `{path} is a duplicate of {duplicate_of}${f.note === 'withdrawn' ? ', which was withdrawn' : ''}, ${f.kept ? 'moved to duplicates/' : 'deleted'}${f.release === undefined ? '' : '; {release}'}`,
  },
  file_held: warn('{path} is held ({code}): {reason}. {hint}'),
  file_dropped: info((f) =>
    f.why === 'vanished'
      ? '{path} was taken away before it was complete; it is ingested when it comes back'
      : '{path} is no regular file any more ({why}), so it is let be',
  ),
  file_discarded: info('{path} was given up by an operator; it lies in failed/ of the work directory'),
  file_withdrawn: info(
    (f) =>
      `{warehouse_path} was withdrawn by {by} ({reason}); ${f.kept ? 'it lies in failed/ of the work directory' : 'it was not there any more'}`,
  ),
  period_closed: info((f) =>
    f.marked === false
      ? '{folder} is over, and was taken away: it gets no _SUCCESS'
      : '{folder} is over, and all of it is there: it has its _SUCCESS',
  ),
  dashboard: info('the dashboard is at {url}'),
  dashboard_failed: error('the dashboard could not answer: {reason}'),
  alarms_told: { level: 'debug' },
  notify_failed: warn('--notify-{channel} cannot be notified of alarms: {reason}; it is tried again by itself'),
  notify_back: info('--notify-{channel} is notified of alarms again'),
  notify_waiting: info('another process of this state sends its alarms; this one waits until that one has ended'),
  operator_act: info(
    (f) =>
      `{verb} by {by}: ${f.verb === 'pause' || f.verb === 'resume' ? 'stage {stage}' : '{files} files'} of feed {feed}`,
  ),
  scan_done: { level: 'debug' },
  // Level info: who asks for it by --trace means to see it.
  stage_step: info((f) => `{path}: {stage} {outcome}${f.why === undefined ? '' : ' ({why})'}`),
  metrics: info(
    (f) =>
      `{files_processed} files, ${shownBytes(Number(f.bytes_processed ?? 0))}; ${Number(f.files_per_second ?? 0).toFixed(1)} files/s, ${shownBytes(Number(f.bytes_per_second ?? 0))}/s; in the queue: ${depths(f.queue_depth)}`,
  ),
  overflow: warn('the kernel dropped events of {feed}; a scan finds what has changed, nothing is lost'),
  bug: { level: 'error' },
  sync_failed: warn(
    '{files} files of {feed} could not be made durable: {error}; each is copied and compared at its next attempt',
  ),
  state_unwritable: error('the state cannot be written ({code}), the work waits: {reason}'),
  file_retry: warn('{path} failed in {stage}, attempt {attempt}: {reason}; it is tried again by itself'),
  claim_lost: warn('{path} was given to another process while {stage} had it; what was done here does not count'),
  orphan_adopted: warn('{path} lay in underprocess/ without a job; it goes through hash again'),
  append_unreachable: warn('a line in {file} cannot be finished: {hint}'),
  file_unconfirmed: warn(
    '{path} was stored as {target}, but nothing lay there a moment later: a quick consumer or somebody else removed it',
  ),
  manifest_replanned: warn('somebody else wrote to {file}; our line goes after that, to byte {to}'),
  manifest_truncated: warn(
    'somebody cut {file} from {ours_end} to {found_end} bytes; what is missing is not written again',
  ),
  manifest_foreign_lines: warn(
    'somebody else wrote to {file}: ours end at byte {ours_end}, the file at {found_end}; all is kept',
  ),
  work_dir_inside_input: warn('the work directory is {work_dir}, inside the input ({why}): {hint}'),
  not_a_file: info((f) =>
    f.count === undefined
      ? '{path} is a {kind}: only regular files are ingested, it stays and is never opened'
      : 'not regular files in the input of {feed}: {count} of kind {kind}; they stay and are never opened',
  ),
  look_failed: warn('{path} of {feed} cannot be read ({code}); the next scan tries again'),
  polling: info(
    (f) => `the input of {feed} is scanned, events are not used (${f.code === undefined ? '{why}' : '{code}'})`,
  ),
  events_back: info('events of {feed} are used again'),
  watch_limit_over: info('every directory of {feed} has its inotify watch again'),
  root_back: info('the input of {feed} can be read again'),
  root_replaced: info('another directory lies at the input of {feed} now; that one is watched'),
  directory_back: info('the directory {path} of {feed} can be read again, or is gone'),
  submount: info('a filesystem is mounted at {path} of {feed}; it is scanned too'),
  delivery_back: info('files of {feed} are put into the queue again'),
  marks_full: warn('too many changes in {feed} to remember each; a scan follows'),
  directory_failed: warn(
    'the directory {path} of {feed} cannot be read ({code}): give it the permission; every scan tries again',
  ),
  link_moved: warn(
    (f) =>
      `{path}, the {option} of {feed}, leads to ${f.leads ? '{leads}' : 'nothing'} now, and the service works in {used}: restart the service`,
  ),
  link_back: info('{path} of {feed} leads to {used} again'),
  delivery_failing: warn('files of {feed} cannot be put into the queue: {error}; they are offered again'),
  watch_limit: warn(
    'no inotify watch is left for {path} of {feed}: such directories are scanned every few seconds instead; raise fs.inotify.max_user_watches',
  ),
  root_missing: warn('the input of {feed} cannot be read ({code}); it goes on when that is repaired'),
  history_pruned: info(
    '{jobs} jobs and the records of {contents} contents that ended before {before} are forgotten; every hash stays',
  ),
  file_pruned: info(
    (f) =>
      `{path} is removed (${shownBytes(Number(f.bytes ?? 0))}): ${f.why === 'age' ? 'it is older than is kept' : 'more than is kept lay there'}`,
  ),
  prune_kept: warn(
    '{files} old files in {folder}/ of {feed} are kept: the ledger does not know their content as stored',
  ),
  pruning_failed: warn('what is old of {feed} cannot be removed now: {reason}'),
  reaping_failed: warn('what dead processes of {feed} left cannot be put in order now: {reason}'),
};

export const levelOf = (event: string): Level => EVENTS[event]?.level ?? 'info';

/** The message of the JSON line of an event. */
export const messageOf = (event: string, fields: Fields): string => EVENTS[event]?.brief ?? sentenceOf(event, fields);

/** The event as one safe line for people. */
export function sentenceOf(event: string, fields: Fields): string {
  const say = EVENTS[event]?.say;
  const sentence = typeof say === 'function' ? say(fields) : say;
  if (sentence !== undefined) return sentence.replace(/\{(\w+)\}/g, (_, name: string) => text(fields[name]));
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${text(value)}`);
  return [event.replaceAll('_', ' '), ...shown].join(' ');
}

function depths(depth: unknown): string {
  if (typeof depth !== 'object' || depth === null) return '-';
  return Object.entries(depth)
    .map(([stage, jobs]) => `${stage} ${jobs}`)
    .join(', ');
}
