/** The events of processes, of their service manager, and of the gates that they close and open. */
import type { Fields } from './emit.js';
import { type EventSpec, error, info, warn } from './event-spec.js';
import { shownSeconds } from './safe.js';

export const PROCESS_EVENTS: Record<string, EventSpec> = {
  spawn_failed: error('{worker} could not be started: {reason}'),
  worker_started: info('{worker} is at work (pid {worker_pid})'),
  worker_lost: {
    level: 'warn',
    // Its parent logs how it ended. The process that gives its jobs back logs it too, and knows its owner number alone.
    say: (f) =>
      f.worker === undefined
        ? `a process has died (owner {owner}); its {jobs} jobs go on${f.poisoned === 0 ? '' : '; {poisoned} of them are held, because too many processes died while they worked on them'}`
        : `{worker} ended unexpectedly (${f.signal ? '{signal}' : 'exit code {exit_code}'})${f.reason === undefined ? '' : ': {reason}'}${f.restart_in_ms === undefined ? '' : '; it is started again'}`,
  },
  state_migrates: info('the state is copied and brought up to date with this version; a large one takes minutes'),
  draining: info('{signal}: finishing what is under way; once more stops at once'),
  stopping: warn('{signal} again: stopping now; the next start goes on from here'),
  worker_stalled: error(
    (f) => `{worker} gave no sign of life for {quiet_seconds} s${inProgress(f)}; it is killed and started again`,
  ),
  worker_silent: error(
    (f) =>
      `{worker} (pid {worker_pid}) gives no sign of life for {quiet_seconds} s${inProgress(f)}, and its parent does not end it; its jobs wait`,
  ),
  call_hangs: error(
    (f) =>
      `a call ({act}) on {path} has not ended for {quiet_seconds} s${inProgress(f)}: check its mount, and the disk or server of that mount; other files go on`,
  ),
  call_back: info('the call ({act}) on {path} has ended: the file goes on'),
  service_manager_silent: warn('the service manager gets no sign of life of this process, and may end it: {reason}'),
  priority_refused: {
    level: 'debug',
    say: 'this process may not lower its own priority, so it shares the cores as all others do: {reason}',
  },
  worker_stopped: { level: 'debug' },
  stopped: info('all processes have ended (exit code {exit_code})'),
  drain_waiting: warn((f) => `still waiting for {worker} (pid {worker_pid}) after {seconds} s${inProgress(f)}`),
  gate_closed: error((f) =>
    f.place === 'process'
      ? 'process of {feed} is closed ({code}): {reason}; correct it: it is tried again every few seconds, and no file is held for it'
      : `${f.stage === '*' ? 'every stage' : '{stage}'} of ${f.feed === '*' ? 'every feed' : '{feed}'} is closed ({code}${f.place ? ' at {place}' : ''}): {reason}; it goes on by itself when that is repaired`,
  ),
  partial_upload: warn(
    (f) =>
      `{path} waits for ${shownSeconds(Number(f.seconds))}: its mtime is 0, as a cut rsync --partial leaves it; it is taken when it has not changed for --partial-upload-seconds, or when a sidecar has its checksum`,
  ),
  copy_waits: warn('{path} waits: {reason}'),
  mount_missing: error('{path} waits: {reason}'),
  pause_ended: info(
    (f) =>
      `the pause of ${f.stage === '*' ? 'every stage' : '{stage}'} of ${f.feed === '*' ? 'every feed' : '{feed}'} ({reason}) is over: its files go on`,
  ),
  gate_opened: info(
    (f) =>
      `the ${f.place === 'process' ? 'chain' : '{place}'} of ${f.feed === '*' ? 'every feed' : '{feed}'} can be used again, after ${shownSeconds(Number(f.closed_seconds ?? 0))} ({code})`,
  ),
  state_checked: info(
    (f) =>
      `the state was not closed cleanly; all of its pages were read in ${shownSeconds(Number(f.seconds))}, and are whole`,
  ),
  state_path: info('state: {state_path}'),
  watching: info('watching {input}; complete files go to {warehouse}'),
  log_lines_lost: {
    level: 'error', // one of the lost lines may have been one
    say: 'nobody read this log for a while: {lines} lines of this process are lost',
  },
  fatal: { level: 'fatal', say: '{reason}' },
  note: warn('{text}'),
  progress: info('{text}'),
  node_warning: warn('Node warns ({kind}): {reason}'),
  thread_printed: warn('a thread printed: {text}'),
};

/** The job in progress of a process and where it is, as its slot has them. */
function inProgress({ job, place }: Fields): string {
  return `${job ? ', job {job} in progress' : ''}${place ? ', at {place}' : ''}`;
}
