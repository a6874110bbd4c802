/** The events of processes, of their service manager, and of the gates that they close and open. */
import type { Fields } from './emit.js';
import { type EventSpec, text } from './event-spec.js';
import { shownSeconds } from './safe.js';

export const PROCESS_EVENTS: Record<string, EventSpec> = {
  spawn_failed: { level: 'error', say: (f) => `${text(f.worker)} could not be started: ${text(f.reason)}` },
  worker_started: { say: (f) => `${text(f.worker)} is at work (pid ${text(f.worker_pid)})` },
  worker_lost: {
    level: 'warn',
    // Its parent logs how it ended. The process that gives its jobs back logs it too, and knows its owner number alone.
    say: (f) =>
      f.worker === undefined
        ? `a process has died (owner ${text(f.owner)}); its ${text(f.jobs)} jobs go on${f.poisoned === 0 ? '' : `; ${text(f.poisoned)} of them are held, because too many processes died while they worked on them`}`
        : `${text(f.worker)} ended unexpectedly (${f.signal ? text(f.signal) : `exit code ${text(f.exit_code)}`})${f.reason === undefined ? '' : `: ${text(f.reason)}`}${f.restart_in_ms === undefined ? '' : '; it is started again'}`,
  },
  draining: { say: (f) => `${text(f.signal)}: finishing what is under way; once more stops at once` },
  stopping: { level: 'warn', say: (f) => `${text(f.signal)} again: stopping now; the next start goes on from here` },
  worker_stalled: {
    level: 'error',
    say: (f) =>
      `${text(f.worker)} gave no sign of life for ${text(f.quiet_seconds)} s${inProgress(f)}; it is killed and started again`,
  },
  worker_silent: {
    level: 'error',
    say: (f) =>
      `${text(f.worker)} (pid ${text(f.worker_pid)}) gives no sign of life for ${text(f.quiet_seconds)} s${inProgress(f)}, and its parent does not end it; its jobs wait`,
  },
  call_hangs: {
    level: 'error',
    say: (f) =>
      `a call (${text(f.act)}) on ${text(f.path)} has not ended for ${text(f.quiet_seconds)} s${inProgress(f)}: check its mount, and the disk or server of that mount; other files go on`,
  },
  call_back: { say: (f) => `the call (${text(f.act)}) on ${text(f.path)} has ended: the file goes on` },
  service_manager_silent: {
    level: 'warn',
    say: (f) => `the service manager gets no sign of life of this process, and may end it: ${text(f.reason)}`,
  },
  priority_refused: {
    level: 'debug',
    say: (f) =>
      `this process may not lower its own priority, so it shares the cores as all others do: ${text(f.reason)}`,
  },
  worker_stopped: { level: 'debug' },
  stopped: { say: (f) => `all processes have ended (exit code ${text(f.exit_code)})` },
  drain_waiting: {
    level: 'warn',
    say: (f) =>
      `still waiting for ${text(f.worker)} (pid ${text(f.worker_pid)}) after ${text(f.seconds)} s${inProgress(f)}`,
  },
  gate_closed: {
    level: 'error',
    say: (f) =>
      f.place === 'process'
        ? `process of ${text(f.feed)} is closed (${text(f.code)}): ${text(f.reason)}; correct it: it is tried again every few seconds, and no file is held for it`
        : `${f.stage === '*' ? 'every stage' : text(f.stage)} of ${f.feed === '*' ? 'every feed' : text(f.feed)} is closed (${text(f.code)}${f.place ? ` at ${text(f.place)}` : ''}): ${text(f.reason)}; it goes on by itself when that is repaired`,
  },
  partial_upload: {
    level: 'warn',
    say: (f) =>
      `${text(f.path)} waits for ${shownSeconds(Number(f.seconds))}: its mtime is 0, as a cut rsync --partial leaves it; it is taken when it has not changed for --partial-upload-seconds, or when a sidecar has its checksum`,
  },
  copy_waits: { level: 'warn', say: (f) => `${text(f.path)} waits: ${text(f.reason)}` },
  mount_missing: { level: 'error', say: (f) => `${text(f.path)} waits: ${text(f.reason)}` },
  gate_opened: {
    say: (f) =>
      `the ${f.place === 'process' ? 'chain' : text(f.place)} of ${f.feed === '*' ? 'every feed' : text(f.feed)} can be used again, after ${shownSeconds(Number(f.closed_seconds ?? 0))} (${text(f.code)})`,
  },
  state_checked: {
    say: (f) =>
      `the state was not closed cleanly; all of its pages were read in ${shownSeconds(Number(f.seconds))}, and are whole`,
  },
  state_path: { say: (f) => `state: ${text(f.state_path)}` },
  watching: { say: (f) => `watching ${text(f.input)}; complete files go to ${text(f.warehouse)}` },
  log_lines_lost: {
    level: 'error', // one of the lost lines may have been one
    say: (f) => `nobody read this log for a while: ${text(f.lines)} lines of this process are lost`,
  },
  fatal: { level: 'fatal', say: (f) => text(f.reason) },
  note: { level: 'warn', say: (f) => text(f.text) },
  progress: { say: (f) => text(f.text) },
  node_warning: { level: 'warn', say: (f) => `Node warns (${text(f.kind)}): ${text(f.reason)}` },
  thread_printed: { level: 'warn', say: (f) => `a thread printed: ${text(f.text)}` },
};

/** The job in progress of a process and where it is, as its slot has them. */
function inProgress({ job, place }: Fields): string {
  return `${job ? `, job ${text(job)} in progress` : ''}${place ? `, at ${text(place)}` : ''}`;
}
