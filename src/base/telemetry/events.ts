/**
 * The events of the log: their level, and how a person reads them. An event that is not listed has level info and
 * is shown with its fields.
 * Does not: decide when an event happens.
 */
import type { Fields } from './emit.js';
import { safeText, shownBytes, shownSeconds } from './safe.js';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

interface EventSpec {
  level?: Level;
  /** `{path}` stands for the field of that name. A function puts in words and numbers of ours, and never a field itself. */
  say?: string | ((fields: Fields) => string);
  /** The message of its JSON line, where the fields beside it say the rest: of events that come once a file. */
  brief?: string;
}

/** Any value, safe for a terminal. */
function text(value: unknown): string {
  if (typeof value === 'string') return safeText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return safeText(value.message);
  return safeText(JSON.stringify(value) ?? '');
}

type Say = NonNullable<EventSpec['say']>;
const info = (say: Say): EventSpec => ({ say });
const warn = (say: Say): EventSpec => ({ level: 'warn', say });
const error = (say: Say): EventSpec => ({ level: 'error', say });

const EVENTS: Record<string, EventSpec> = {
  // Files, feeds and upkeep.
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
      : String(f.why).startsWith('ignored_')
        ? 'the filters of the feed leave {path} out ({why}), so it is left in the input'
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
  watch_limit: warn((f) =>
    f.code === 'ENOSPC'
      ? 'no inotify watch is left for {path} of {feed}: such directories are scanned every few seconds instead; raise fs.inotify.max_user_watches'
      : '{path} of {feed} cannot be watched ({code}): such directories are scanned every few seconds instead; see what refuses a watch',
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

  // Processes, their service manager, and the gates that they close and open.
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
  worker_unkillable: error(
    '{worker} (pid {worker_pid}) does not end with SIGKILL, because a call to a filesystem does not return; its jobs wait until it has ended, and another one is started beside it',
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
      ? 'process of {feed} is closed ({code}): {reason}; no file is held for it. Correct the module: it is tried again every few seconds. A chain that is wrong, in the configuration or in its own file, is read again at a restart'
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
    say: '{lines} lines of this process are lost: nobody read this log for a while, or its disk was full',
  },
  fatal: { level: 'fatal', say: '{reason}' },
  note: warn('{text}'),
  progress: info('{text}'),
  node_warning: warn('Node warns ({kind}): {reason}'),
  thread_printed: warn('a thread printed: {text}'),

  // The ledger that hosts share.
  shared_ledger_away: warn('{reason}; what is hashed waits for it, and all else goes on'),
  shared_ledger_back: info('the shared ledger {ledger} answers again'),
  shared_ledger_entered: warn('the shared ledger {ledger} has host {host} at this place now'),
  shared_ledger_older: error(
    'the shared ledger {ledger} is older than host {host} remembers: it was restored, or a standby took over that lacked the last commits; all is told again before anything is asked',
  ),
  shared_rows_given_up: info(
    '{contents} contents that this host had asked for, and does not have under way any more, are free again',
  ),
  content_stored_twice: error(
    '{contents} contents are stored here and at another host too; ingest-ctl audit --fleet names them',
  ),

  // The buckets in which feeds publish.
  bucket_read: warn(
    'the bucket {bucket} had {lines} lines that the state did not know: it was rebuilt, or is an older copy; they are entered, and the rest is published',
  ),
  file_published: info('published {path} as {object}'),
  file_not_published: warn('{path} had left the warehouse before its feed had a bucket, and is not published'),
  objects_removed: info('removed {objects} objects of {path} from the bucket'),
  object_gone: error('{object} is not in the bucket any more, or is another file: it is published again'),
  object_refused: warn('{object} is not shown by the store, so its local file stays: {reason}'),
  local_file_kept: warn('{path} is in the bucket, and its local file stays: {reason}'),
  uploads_unswept: warn(
    'uploads that nothing belongs to cannot be looked for ({code}): {reason}; files are published all the same',
  ),
  upload_given_up: info('gave up an upload of {object} that nothing belongs to'),

  // The stage `process`: what it made of a file, what a processor printed, and a header that is another one.
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

  // A mirror.
  replicating: info('{dest} is kept a mirror of {source}'),
  replica_scan_done: info(
    (f) =>
      `everything was compared in ${shownSeconds(Number(f.seconds))}: {files} names so far, {copied} copied (${shownBytes(Number(f.bytes))}), {removed} removed`,
  ),
  replica_failed: warn('{path} cannot be mirrored ({code}): {reason}; it is tried again'),
  replica_healed: info('{path} is mirrored again'),
  replica_leftover: warn(
    '{path} was to be removed and cannot be ({code}): {reason}; it takes room until you remove it',
  ),
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

/** The job in progress of a process and where it is, as its slot has them. */
function inProgress({ job, place }: Fields): string {
  return `${job ? ', job {job} in progress' : ''}${place ? ', at {place}' : ''}`;
}

/** `1 record`, `2 records` */
const counted = (count: unknown, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
