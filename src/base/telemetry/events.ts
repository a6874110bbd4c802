/**
 * The events of the log: their level, and how a person reads them. An event that is not listed has level info and
 * is shown with its fields.
 * Does not: decide when an event happens.
 */

import { CHAIN_EVENTS } from './chain-events.js';
import type { Fields } from './emit.js';
import { type EventSpec, type Level, text } from './event-spec.js';
import { PROCESS_EVENTS } from './process-events.js';
import { REPLICA_EVENTS } from './replica-events.js';
import { shownBytes, shownSeconds } from './safe.js';

const EVENTS: Record<string, EventSpec> = {
  ...PROCESS_EVENTS,
  ...CHAIN_EVENTS,
  ...REPLICA_EVENTS,
  file_ready: { brief: 'complete', say: (f) => `${text(f.path)} is complete` },
  sidecar_without_checksum: {
    say: (f) =>
      `the sidecar of ${text(f.path)} holds no SHA-256, so it says that the file is whole and nothing is checked`,
  },
  file_ingested: {
    brief: 'stored',
    say: (f) =>
      `${text(f.path)} → ${text(f.warehouse_path)} (${shownBytes(Number(f.bytes ?? 0))}${f.seconds === undefined ? '' : `, ${shownSeconds(Number(f.seconds))}`}${f.outputs === undefined ? '' : `, ${text(f.outputs)} ${f.outputs === 1 ? 'output' : 'outputs'}`})`,
  },
  file_skipped_duplicate: {
    brief: 'a duplicate',
    say: (f) =>
      `${text(f.path)} is a duplicate of ${text(f.duplicate_of)}${f.note === 'withdrawn' ? ', which was withdrawn' : ''}, ${f.kept ? 'moved to duplicates/' : 'deleted'}${f.release === undefined ? '' : `; ${text(f.release)}`}`,
  },
  file_held: {
    level: 'warn',
    say: (f) => `${text(f.path)} is held (${text(f.code)}): ${text(f.reason)}. ${text(f.hint)}`,
  },
  file_dropped: {
    say: (f) =>
      f.why === 'vanished'
        ? `${text(f.path)} was taken away before it was complete; it is ingested when it comes back`
        : `${text(f.path)} is no regular file any more (${text(f.why)}), so it is let be`,
  },
  file_discarded: {
    say: (f) => `${text(f.path)} was given up by an operator; it lies in failed/ of the work directory`,
  },
  file_withdrawn: {
    say: (f) =>
      `${text(f.warehouse_path)} was withdrawn by ${text(f.by)} (${text(f.reason)}); ${f.kept ? 'it lies in failed/ of the work directory' : 'it was not there any more'}`,
  },
  period_closed: {
    say: (f) =>
      f.marked === false
        ? `${text(f.folder)} is over, and was taken away: it gets no _SUCCESS`
        : `${text(f.folder)} is over, and all of it is there: it has its _SUCCESS`,
  },
  dashboard: { say: (f) => `the dashboard is at ${text(f.url)}` },
  dashboard_failed: { level: 'error', say: (f) => `the dashboard could not answer: ${text(f.reason)}` },
  alarms_told: { level: 'debug' },
  notify_failed: {
    level: 'warn',
    say: (f) =>
      `--notify-${text(f.channel)} cannot be notified of alarms: ${text(f.reason)}; it is tried again by itself`,
  },
  notify_back: { say: (f) => `--notify-${text(f.channel)} is notified of alarms again` },
  notify_waiting: {
    say: () => 'another process of this state sends its alarms; this one waits until that one has ended',
  },
  operator_act: {
    say: (f) =>
      `${text(f.verb)} by ${text(f.by)}: ${f.verb === 'pause' || f.verb === 'resume' ? `stage ${text(f.stage)}` : `${text(f.files)} files`} of feed ${text(f.feed)}`,
  },
  scan_done: { level: 'debug' },
  // Level info: who asks for it by --trace means to see it.
  stage_step: {
    say: (f) => `${text(f.path)}: ${text(f.stage)} ${text(f.outcome)}${f.why === undefined ? '' : ` (${text(f.why)})`}`,
  },
  metrics: {
    say: (f) =>
      `${text(f.files_processed)} files, ${shownBytes(Number(f.bytes_processed ?? 0))}; ${Number(f.files_per_second ?? 0).toFixed(1)} files/s, ${shownBytes(Number(f.bytes_per_second ?? 0))}/s; in the queue: ${depths(f.queue_depth)}`,
  },
  overflow: {
    level: 'warn',
    say: (f) => `the kernel dropped events of ${text(f.feed)}; a scan finds what has changed, nothing is lost`,
  },
  bug: { level: 'error' },
  sync_failed: {
    level: 'warn',
    say: (f) =>
      `${text(f.files)} files of ${text(f.feed)} could not be made durable: ${text(f.error)}; each is copied and compared at its next attempt`,
  },
  state_unwritable: {
    level: 'error',
    say: (f) => `the state cannot be written (${text(f.code)}), the work waits: ${text(f.reason)}`,
  },
  file_retry: {
    level: 'warn',
    say: (f) =>
      `${text(f.path)} failed in ${text(f.stage)}, attempt ${text(f.attempt)}: ${text(f.reason)}; it is tried again by itself`,
  },
  claim_lost: {
    level: 'warn',
    say: (f) =>
      `${text(f.path)} was given to another process while ${text(f.stage)} had it; what was done here does not count`,
  },
  orphan_adopted: {
    level: 'warn',
    say: (f) => `${text(f.path)} lay in underprocess/ without a job; it goes through hash again`,
  },
  append_unreachable: { level: 'warn', say: (f) => `a line in ${text(f.file)} cannot be finished: ${text(f.hint)}` },
  file_unconfirmed: {
    level: 'warn',
    say: (f) =>
      `${text(f.path)} was stored as ${text(f.target)}, but nothing lay there a moment later: a quick consumer or somebody else removed it`,
  },
  manifest_replanned: {
    level: 'warn',
    say: (f) => `somebody else wrote to ${text(f.file)}; our line goes after that, to byte ${text(f.to)}`,
  },
  manifest_truncated: {
    level: 'warn',
    say: (f) =>
      `somebody cut ${text(f.file)} from ${text(f.ours_end)} to ${text(f.found_end)} bytes; what is missing is not written again`,
  },
  manifest_foreign_lines: {
    level: 'warn',
    say: (f) =>
      `somebody else wrote to ${text(f.file)}: ours end at byte ${text(f.ours_end)}, the file at ${text(f.found_end)}; all is kept`,
  },
  work_dir_inside_input: {
    level: 'warn',
    say: (f) => `the work directory is ${text(f.work_dir)}, inside the input (${text(f.why)}): ${text(f.hint)}`,
  },
  not_a_file: {
    say: (f) =>
      f.count === undefined
        ? `${text(f.path)} is a ${text(f.kind)}: only regular files are ingested, it stays and is never opened`
        : `not regular files in the input of ${text(f.feed)}: ${text(f.count)} of kind ${text(f.kind)}; they stay and are never opened`,
  },
  look_failed: {
    level: 'warn',
    say: (f) => `${text(f.path)} of ${text(f.feed)} cannot be read (${text(f.code)}); the next scan tries again`,
  },
  polling: { say: (f) => `the input of ${text(f.feed)} is scanned, events are not used (${text(f.code ?? f.why)})` },
  events_back: { say: (f) => `events of ${text(f.feed)} are used again` },
  watch_limit_over: { say: (f) => `every directory of ${text(f.feed)} has its inotify watch again` },
  root_back: { say: (f) => `the input of ${text(f.feed)} can be read again` },
  root_replaced: { say: (f) => `another directory lies at the input of ${text(f.feed)} now; that one is watched` },
  directory_back: { say: (f) => `the directory ${text(f.path)} of ${text(f.feed)} can be read again` },
  submount: { say: (f) => `a filesystem is mounted at ${text(f.path)} of ${text(f.feed)}; it is scanned too` },
  delivery_back: { say: (f) => `files of ${text(f.feed)} are put into the queue again` },
  marks_full: { level: 'warn', say: (f) => `too many changes in ${text(f.feed)} to remember each; a scan follows` },
  directory_failed: {
    level: 'warn',
    say: (f) =>
      `the directory ${text(f.path)} of ${text(f.feed)} cannot be read (${text(f.code)}): give it the permission; every scan tries again`,
  },
  link_moved: {
    level: 'warn',
    say: (f) =>
      `${text(f.path)}, the ${text(f.option)} of ${text(f.feed)}, leads to ${text(f.leads ?? 'nothing')} now, and the service works in ${text(f.used)}: restart the service`,
  },
  link_back: { say: (f) => `${text(f.path)} of ${text(f.feed)} leads to ${text(f.used)} again` },
  delivery_failing: {
    level: 'warn',
    say: (f) => `files of ${text(f.feed)} cannot be put into the queue: ${text(f.error)}; they are offered again`,
  },
  watch_limit: {
    level: 'warn',
    say: (f) =>
      `no inotify watch is left for ${text(f.path)} of ${text(f.feed)}: such directories are scanned every few seconds instead; raise fs.inotify.max_user_watches`,
  },
  root_missing: {
    level: 'warn',
    say: (f) => `the input of ${text(f.feed)} cannot be read (${text(f.code)}); it goes on when that is repaired`,
  },
  history_pruned: {
    say: (f) =>
      `${text(f.jobs)} jobs and the records of ${text(f.contents)} contents that ended before ${text(f.before)} are forgotten; every hash stays`,
  },
  file_pruned: {
    say: (f) =>
      `${text(f.path)} is removed (${shownBytes(Number(f.bytes ?? 0))}): ${f.why === 'age' ? 'it is older than is kept' : 'more than is kept lay there'}`,
  },
  prune_kept: {
    level: 'warn',
    say: (f) =>
      `${text(f.files)} old files in ${text(f.folder)}/ of ${text(f.feed)} are kept: the ledger does not know their content as stored`,
  },
  pruning_failed: {
    level: 'warn',
    say: (f) => `what is old of ${text(f.feed)} cannot be removed now: ${text(f.reason)}`,
  },
  reaping_failed: {
    level: 'warn',
    say: (f) => `what dead processes of ${text(f.feed)} left cannot be put in order now: ${text(f.reason)}`,
  },
};

export const levelOf = (event: string): Level => EVENTS[event]?.level ?? 'info';

/** The message of the JSON line of an event. */
export const messageOf = (event: string, fields: Fields): string => EVENTS[event]?.brief ?? sentenceOf(event, fields);

/** The event as one safe line for people. */
export function sentenceOf(event: string, fields: Fields): string {
  const say = EVENTS[event]?.say;
  if (say) return say(fields);
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${text(value)}`);
  return [event.replaceAll('_', ' '), ...shown].join(' ');
}

function depths(depth: unknown): string {
  if (typeof depth !== 'object' || depth === null) return '-';
  return Object.entries(depth)
    .map(([stage, jobs]) => `${stage} ${jobs}`)
    .join(', ');
}
