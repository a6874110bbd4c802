/**
 * The events that are told: their level, and how a person reads them. An event that is not listed has level info and
 * is shown with its fields.
 * Does not: decide when an event happens.
 */

import type { Fields } from './emit.js';
import { safeText, shownBytes, shownSeconds } from './safe.js';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

interface EventSpec {
  level?: Level;
  say?: (fields: Fields) => string;
}

function text(value: unknown): string {
  if (typeof value === 'string') return safeText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return safeText(value.message);
  return safeText(JSON.stringify(value) ?? '');
}

const EVENTS: Record<string, EventSpec> = {
  file_ready: { say: (f) => `${text(f.path)} is complete` },
  file_ingested: {
    say: (f) =>
      `${text(f.path)} → ${text(f.warehouse_path)} (${shownBytes(Number(f.bytes ?? 0))}${f.seconds === undefined ? '' : `, ${shownSeconds(Number(f.seconds))}`})`,
  },
  file_skipped_duplicate: { say: (f) => `${text(f.path)} has the content of ${text(f.duplicate_of)}, skipped` },
  file_held: { level: 'warn', say: (f) => `${text(f.path)} is held (${text(f.code)}): ${text(f.reason)}` },
  file_dropped: {
    say: (f) =>
      f.why === 'vanished'
        ? `${text(f.path)} was taken away before it was complete; it is ingested when it comes back`
        : `${text(f.path)} is no regular file any more (${text(f.why)}), so it is let be`,
  },
  file_waiting: {
    say: (f) =>
      `${text(f.path)} waits${f.seconds === undefined ? '' : `, its window ends in ${shownSeconds(Number(f.seconds))}`}${f.why === undefined ? '' : `: ${text(f.why)}`}`,
  },
  scan_done: { level: 'debug' },
  stage_step: { level: 'trace' },
  metrics: {
    say: (f) =>
      `${text(f.files_processed)} files, ${shownBytes(Number(f.bytes_processed ?? 0))}; ${Number(f.files_per_second ?? 0).toFixed(1)} files/s, ${shownBytes(Number(f.bytes_per_second ?? 0))}/s; waiting ${depths(f.queue_depth)}`,
  },
  overflow: { level: 'warn' },
  bug: { level: 'error' },
  sync_failed: { level: 'warn' },
  state_unwritable: { level: 'error' },
  file_retry: { level: 'warn' },
  claim_lost: { level: 'warn' },
  orphan_adopted: { level: 'warn' },
  append_unreachable: { level: 'warn' },
  file_unconfirmed: { level: 'warn' },
  manifest_replanned: { level: 'warn' },
  manifest_truncated: { level: 'warn' },
  manifest_foreign_lines: { level: 'warn' },
  work_dir_inside_input: { level: 'warn' },
  marks_full: { level: 'warn' },
  directory_failed: { level: 'warn' },
  delivery_failing: { level: 'warn' },
  watch_limit: { level: 'warn' },
  root_missing: { level: 'warn' },
  worker_started: { say: (f) => `${text(f.worker)} is at work (pid ${text(f.worker_pid)})` },
  worker_lost: {
    level: 'warn',
    // Told by its parent, with how it ended; and by whoever gives its jobs back, which knows its owner number alone.
    say: (f) =>
      f.worker === undefined
        ? `owner ${text(f.owner)} is dead; its ${text(f.jobs)} jobs go on${f.poisoned ? ', but for the one that it died with for the last time: that is held' : ''}`
        : `${text(f.worker)} ended unexpectedly (${f.signal ? text(f.signal) : `exit code ${text(f.exit_code)}`})${f.restart_in_ms === undefined ? '' : '; it is started again'}`,
  },
  draining: { say: (f) => `${text(f.signal)}: finishing what is under way; once more stops at once` },
  stopping: { level: 'warn', say: (f) => `${text(f.signal)} again: stopping now; the next start goes on from here` },
  worker_stalled: {
    level: 'error',
    say: (f) =>
      `${text(f.worker)} gave no sign of life for ${text(f.quiet_seconds)} s${inHand(f)}; it is killed and started again`,
  },
  worker_silent: {
    level: 'error',
    say: (f) =>
      `${text(f.worker)} (pid ${text(f.worker_pid)}) gives no sign of life for ${text(f.quiet_seconds)} s${inHand(f)}, and its parent does not end it; its jobs wait`,
  },
  worker_stopped: { level: 'debug' },
  drain_waiting: {
    level: 'warn',
    say: (f) =>
      `still waiting for ${text(f.worker)} (pid ${text(f.worker_pid)}) after ${text(f.seconds)} s${inHand(f)}`,
  },
  gate_closed: {
    level: 'error',
    say: (f) =>
      `${text(f.stage)} is closed (${text(f.code)}${f.place ? ` at ${text(f.place)}` : ''}): ${text(f.reason)}`,
  },
  mount_missing: { level: 'error', say: (f) => `${text(f.path)} waits: ${text(f.reason)}` },
  gate_opened: { say: (f) => `the ${text(f.place)} can be used again` },
  state_path: { say: (f) => `state: ${text(f.state_path)}` },
  watching: { say: (f) => `watching ${text(f.input)}; complete files go to ${text(f.warehouse)}` },
  fatal: { level: 'fatal', say: (f) => text(f.reason) },
};

export const levelOf = (event: string): Level => EVENTS[event]?.level ?? 'info';

/** The event as one safe line for people. */
export function sentenceOf(event: string, fields: Fields): string {
  const say = EVENTS[event]?.say;
  if (say) return say(fields);
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${text(value)}`);
  return [event.replaceAll('_', ' '), ...shown].join(' ');
}

/** What a process has in hand, by its slot. */
function inHand({ job, place }: Fields): string {
  return `${job ? `, job ${text(job)} in hand` : ''}${place ? `, at ${text(place)}` : ''}`;
}

function depths(depth: unknown): string {
  if (typeof depth !== 'object' || depth === null) return '-';
  return Object.entries(depth)
    .map(([stage, jobs]) => `${stage} ${jobs}`)
    .join(', ');
}
