/**
 * The catalogue of every error and reason that an operator may see: code, exit code, whether a later try may help, what to do.
 * A bug is any other Error: it shows its stack and ends with exit code 1.
 * docs/errors.md is the same list for readers; a test compares the two, and the codes in the source, both ways.
 */
import { damaged, isDamage, sqlCodeOf } from '../../queue/errors.js';

export const EXIT = { done: 0, bug: 1, usage: 2, environment: 3, unfinished: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CatalogueEntry {
  /** The exit code of a command that ends with it; null where a file is held or a gate closed and the work goes on. */
  exit: ExitCode | null;
  /** Whether the same thing, tried again later, may succeed without a person acting. */
  retryable: boolean;
  /** The remedy. */
  hint: string;
}

const usage = (hint: string): CatalogueEntry => ({ exit: EXIT.usage, retryable: false, hint });
const environment = (hint: string): CatalogueEntry => ({ exit: EXIT.environment, retryable: false, hint });
/** The file stays where it is until a person acts. */
const held = (hint: string): CatalogueEntry => ({ exit: null, retryable: false, hint });

/** A gate or a check that opens or passes by itself once the cause is gone. */
const passing = (hint: string, exit: ExitCode | null = null): CatalogueEntry => ({ exit, retryable: true, hint });

export const CATALOGUE: Record<string, CatalogueEntry> = {
  bad_value: usage('Correct the value; the sentence has the rule and an example.'),
  missing_value: usage('Write the value after the option, or --option=VALUE where it begins with a dash.'),
  missing_option: usage('Add the option, as a flag, in the environment or in the file.'),
  unknown_option: usage('Use the suggested spelling, or see --help-all.'),
  unknown_variable: usage('Rename or unset the environment variable.'),
  unknown_key: usage('Correct the key in the file; keys are the names of the flags.'),
  unknown_verb: usage('Name one of the verbs that the sentence lists.'),
  unknown_stage: usage('Name one of the stages, or none for all.'),
  unknown_feed: usage('Name one of the feeds that the sentence lists.'),
  unknown_code: usage('Name one of the reasons that the sentence lists.'),
  option_twice: usage('Leave one of the two out.'),
  options_exclude: usage('Leave one of the two out.'),
  unexpected_word: usage('Remove the word, or put it directly after its option.'),
  missing_word: usage('Name what the verb is to act on.'),
  bad_config_file: usage('Correct the line of the YAML file.'),
  bad_feed_name: usage('Use 1 to 64 letters, digits, dots, dashes and underscores.'),
  bad_feed_count: usage('Name 1 to 100 feeds under `feeds`, or remove the key.'),
  folder_for_many_feeds: usage('Set folders under feeds.NAME.'),
  folders_overlap: usage('Name separate places: none may be inside another.'),
  state_unknown: usage('Add --state-path, --input or --config.'),
  state_path_directory: usage('Name a file, not a directory.'),
  dashboard_needs_token: usage('Name a token file, or listen on loopback.'),
  token_unreadable: usage('Check the path of the file and its permissions.'),
  notify_command_unusable: usage('Name an executable file, by its absolute path.'),
  not_selected: usage('Name jobs or paths, or --all.'),
  which_job: usage('Name the id of the job that is meant.'),
  missing_reason: usage('Add --reason TEXT.'),
  content_unknown: usage('Name a SHA-256 or a path that ingest-ctl explain knows.'),
  content_of_many_feeds: usage('Add --feed NAME.'),
  content_under_way: usage('Wait until it is stored; `ingest-ctl explain PATH` says where it is.'),
  which_generation: usage('Name the ingest_id of the one that is meant.'),
  host_lives: usage('Stop that host, and wait an hour.'),
  host_unknown: usage('Name a host that queue-stat --fleet lists.'),
  already_withdrawn: usage('Run `ingest-ctl explain PATH` to see how far it is.'),
  dest_not_ours: usage('Name an empty directory, or add --adopt once.'),
  dest_of_another_source: usage('Name the right SOURCE or DEST, or add --adopt once.'),
  dest_is_a_root: usage('Name a directory that no ingestor uses.'),
  feed_under_way: usage(
    'Wait until none of its files is on the way or held; `queue-stat --feed FEED` shows what waits.',
  ),
  feed_in_use: usage('Remove the feed from the configuration and restart the service, then retire the feed.'),
  warehouse_not_empty: usage('Name an empty directory, or start ingest with the copy.'),
  not_ours_to_withdraw: usage('Name a file that this feed has ingested.'),

  shared_ledger_missing: environment('Add --shared-ledger, for all feeds of the state.'),
  shared_ledger_differs: environment('Write one --shared-ledger at the top level of the file.'),
  shared_ledger_not_joined: environment('Run `ingest-ctl host join NAME` once.'),
  shared_ledger_unusable: environment('Do what the sentence says: it has the answer of PostgreSQL.'),
  host_name_taken: environment('Choose another name, or see --take-over.'),
  secret_exposed: environment(
    'Remove the permissions of others with chmod 600; the file belongs to the user that reads it.',
  ),
  config_unreadable: environment('Check the path of the file and its permissions.'),
  module_unreadable: environment('Check the path of the module and its permissions.'),
  chain_unusable: environment('Correct the module or the chain, as the sentence says.'),
  directory_missing: environment('Mount it, or make it with mkdir -p.'),
  not_a_directory: environment('Name a directory.'),
  directory_unusable: environment('Check the permissions of the path and its parents.'),
  directory_not_utf8: environment('Rename the folder; names of files below it may be any bytes.'),
  openat2_refused: environment('Do what the sentence says: it names the kernel, or the filter in front of it.'),
  proc_unusable: environment('Mount a whole /proc: without subset=pid, and with ProcSubset=all in a unit.'),
  stdout_unwritable: environment(
    'Free space where stdout leads to, or send the results elsewhere, for example to /dev/null.',
  ),
  few_descriptors: environment('Raise ulimit -n, or LimitNOFILE in the unit.'),
  state_missing: environment('Name the right state, or start ingest, which makes it.'),
  state_folder_unusable: environment('Name another path, or correct its owner and permissions.'),
  state_on_network: environment('Keep the state on a local disk.'),
  state_unusable: environment('Check the path, its owner and its permissions.'),
  state_of_others: environment('Name another path: the file belongs to another program.'),
  state_replaced: environment(
    'Stop everything, put the right file there, start again; if it is lost, run `ingest-ctl rebuild`.',
  ),
  state_foreign_clock: environment('Run all processes of a state in one time namespace.'),
  state_not_a_database: environment(
    'Stop everything, put a backup in its place if there is one, and run `ingest-ctl rebuild`.',
  ),
  state_too_many_owners: environment('End some of the processes that use the state.'),
  second_state: environment('Use the state that the folders belong to, or name other folders.'),
  input_changed: environment('Start with the --input and the name from before until its files are stored.'),
  work_dir_elsewhere: environment('Name a --work-dir on the mount of --input, or none.'),
  work_dir_changed: environment('Name the --work-dir from before, or empty it first.'),
  warehouse_changed: environment(
    'Start with the --warehouse from before, copy it, or run `ingest-ctl replace-warehouse DIR`.',
  ),
  manifests_changed: environment('Start with the --manifests from before, or copy it with its .ingest-root.'),
  no_safe_rename: environment(
    'Name a directory on a filesystem that has RENAME_NOREPLACE or hard links, for example ext4, xfs, btrfs, tmpfs or NFS.',
  ),
  bucket_unusable: environment('Do what the sentence says: it has the answer of the store.'),
  root_unusable: passing('Check the folder that the sentence names, and its permissions.', EXIT.environment),
  state_lost: environment('Put the state file back, or run `ingest-ctl rebuild`.'),
  state_in_use: environment('Stop every ingest process of the state, then run the command again.'),
  two_states: environment('Rebuild the feeds of one state at a time, naming only its feeds.'),
  feeds_missing: environment('Name all feeds of the state, or move it away by hand first.'),
  correction_owed: passing('Repair the manifests directory; a worker goes on by itself.', EXIT.environment),
  warehouse_missing: environment('Mount the warehouse, then run `ingest-ctl rebuild` again.'),
  manifest_unreadable: environment('Restore the file, unpack it or move it away, then run `ingest-ctl rebuild` again.'),
  backup_exists: environment('Name a file that is not there yet.'),
  backup_unwritable: environment('Check the folder of the backup, its space and its permissions.'),
  log_of_another_state: environment('Stop everything, move every state.db-* away, then run `ingest-ctl rebuild`.'),
  rebuild_running: environment('Wait until the rebuild has ended.'),
  state_older_than_manifests: environment('Run `ingest-ctl rebuild`.'),
  dest_in_use: environment('Stop the other ingest-replicate first.'),
  dest_missing: environment('Mount or restore DEST, or check its permissions, and start again.'),
  source_missing: environment('Mount or restore SOURCE, or add --adopt once.'),
  source_replaced: environment('Mount or restore the SOURCE from before, or add --adopt once.'),
  source_empty: environment('Mount or restore SOURCE, or add --allow-empty-source.'),
  change_log_unusable: environment('Check the path of the change log and its permissions, or name another one.'),
  watch_unusable: environment('Do what the sentence says, or add --poll.'),
  dashboard_address: passing('End the program that listens there, or name another address.', EXIT.environment),
  newer_database: environment('Install the version that wrote it, or restore the backup beside it.'),
  older_database: environment('Start ingest once; it brings the state up to date.'),
  // A process that runs waits for these two to pass; a command that needs the state at once ends with them.
  state_full: passing('Free space on the disk of the state.', EXIT.environment),
  state_io: passing('Check the disk of the state and its permissions.', EXIT.environment),

  poison: held(
    'Its process died repeatedly while it worked on this file; look at the log, then run `ingest-ctl retry`, or `ingest-ctl discard`.',
  ),
  too_large: held('Raise --max-bytes, restart the service and run `ingest-ctl retry`; or run `ingest-ctl discard`.'),
  too_small: held('Lower --min-bytes, restart the service and run `ingest-ctl retry`; or run `ingest-ctl discard`.'),
  unreadable: held('Give read permission; the change is noticed, and the file goes on by itself.'),
  not_permitted: held('Give that user write permission on that folder, then run `ingest-ctl retry`.'),
  immovable: held('Do what the sentence says (umount or chattr), then run `ingest-ctl retry`.'),
  system_refuses: held('Do what the sentence says, then run `ingest-ctl retry`, or run `ingest-ctl discard`.'),
  sticky_directory: held(
    'Remove the sticky bit of that folder (chmod -t), or run the service as the owner of the file or as root; then run `ingest-ctl retry`.',
  ),
  name_too_long: held('Move the file to a shorter path, then run `ingest-ctl retry`.'),
  changed_after_copy: held(
    'Compare the original with the stored file, then run `ingest-ctl discard`; or, once the original is as before, run `ingest-ctl retry`.',
  ),
  checksum_mismatch: held(
    'If the file is right, send its sidecar again, with that SHA-256 and without the file: that releases it. If the file is wrong, send both again, and discard what is held with `ingest-ctl discard`. A retry alone hashes it again and holds it again.',
  ),
  sidecar_not_understood: held('Send its sidecar again, as sha256sum prints it: that releases it, and no retry does.'),
  empty_file: held(
    'Run `ingest-ctl discard`; or set --on-empty duplicate, restart the service and run `ingest-ctl retry`.',
  ),
  sealed_file_missing: held(
    'Put the file back under the name that the sentence has and run `ingest-ctl retry`, or run `ingest-ctl discard`.',
  ),
  changed_after_hash: held('Run `ingest-ctl discard`, and send the file again.'),
  withdrawn_file_differs: held(
    'Look at the file and move it away, then run `ingest-ctl retry`, or run `ingest-ctl discard`.',
  ),
  record_invalid: held(
    'Send it corrected and discard what is held with `ingest-ctl discard`; or change the check (an else for such records; for a missing line end, no last-newline), restart the service and run `ingest-ctl retry`.',
  ),
  header_differs: held(
    'Send it with the right header and discard what is held with `ingest-ctl discard`; or correct the chain, restart the service and run `ingest-ctl retry`.',
  ),
  rows_out_of_bounds: held(
    'Send it complete and discard what is held with `ingest-ctl discard`; or change rows of the check, restart the service and run `ingest-ctl retry`.',
  ),
  not_utf8: held(
    'Send it as UTF-8 and discard what is held with `ingest-ctl discard`; or set encoding of the chain, restart the service and run `ingest-ctl retry`.',
  ),
  nul_byte: held(
    'Send it as text and discard what is held with `ingest-ctl discard`; or set encoding of the chain, restart the service and run `ingest-ctl retry`.',
  ),
  record_too_large: held(
    'Look for a quote that is not closed, send it corrected and run `ingest-ctl discard`; or raise record-bytes-max, restart the service and run `ingest-ctl retry`.',
  ),
  unpacked_too_large: held(
    'Look at what was packed, then run `ingest-ctl discard`; or raise unpacked-bytes-max, restart the service and run `ingest-ctl retry`.',
  ),
  gzip_cut: held('Send the file again, and discard what is held with `ingest-ctl discard`.'),
  gzip_damaged: held('Send the file again, and discard what is held with `ingest-ctl discard`.'),
  too_many_outputs: held(
    'Look at the column that names the outputs, then run `ingest-ctl discard`; or raise outputs-max, restart the service and run `ingest-ctl retry`.',
  ),
  outputs_too_large: held(
    'Correct the module, then run `ingest-ctl retry`; or raise output-bytes-max, restart the service and run `ingest-ctl retry`.',
  ),
  rejects_too_many: held(
    'Send it corrected and discard what is held with `ingest-ctl discard`; or raise reject.max, restart the service and run `ingest-ctl retry`.',
  ),
  process_failed: held(
    'Correct the module (the service need not restart), try it with `ingest-ctl process FILE --feed FEED`, where `ingest-ctl explain` says FILE lies, then run `ingest-ctl retry`. Or send the file corrected, and discard what is held with `ingest-ctl discard`.',
  ),
  target_taken: held('Move the foreign file out of the warehouse, then run `ingest-ctl retry`.'),
  target_not_permitted: held(
    'Give that user write permission on that folder (where it is missing, on its parent), then run `ingest-ctl retry`.',
  ),
  never_fits: held(
    'Make the filesystem larger, or lower --min-free-bytes and restart the service; then run `ingest-ctl retry`. Or run `ingest-ctl discard`.',
  ),
  target_name_refused: held(
    'Send the file again under another name, and discard what is held with `ingest-ctl discard`.',
  ),
  process_stuck: held(
    'Correct the module, or the pattern of a check, then run `ingest-ctl retry`, or run `ingest-ctl discard`.',
  ),
  process_died: held(
    'Correct the module or the file, or raise memory-bytes and restart the service; then run `ingest-ctl retry`, or run `ingest-ctl discard`.',
  ),
  output_missing: held('Run `ingest-ctl discard`, and send the file again.'),
  output_changed: held('Run `ingest-ctl discard`, and send the file again.'),
  host_not_joined: passing('Stop the processes of the state, and run `ingest-ctl host join NAME`.'),
  host_forgotten: passing('Stop the processes of the state, and run `ingest-ctl host join NAME`.'),
  state_copied: environment(
    'Work at the state that the host runs with; `ingest-ctl host join` makes another one count.',
  ),
  host_replaced: passing('Stop one of the two; then run `ingest-ctl host join` where the host is to be.'),
  host_watched: passing('Wait half a minute: the host may still live at its former place.'),
  state_older: passing('Put the newest state back, or run `ingest-ctl rebuild` and `ingest-ctl host join NAME`.'),
  schema_too_old: passing('Stop the processes of the state, the dashboard too, and run `ingest-ctl host join NAME`.'),
  schema_too_new: passing('Install the newer ingestor on this host.'),
  object_taken: held(
    'Find out who wrote that object, and move it away; then run `ingest-ctl retry`. Only one ingestor may write below a prefix.',
  ),
  key_too_long: held('Send the file again under a shorter name, and discard what is held with `ingest-ctl discard`.'),
  object_refused: passing(
    'Wait; if the file is held by then, see the policy of the bucket, and run `ingest-ctl retry`.',
  ),
  local_file_missing: held(
    'Put the file back into the warehouse, then run `ingest-ctl retry`. Or withdraw its content.',
  ),
  local_file_changed: held('Put the stored file back, then run `ingest-ctl retry`. Or withdraw its content.'),
  bucket_doubt: passing('Wait; if the file is held by then, see the store, and run `ingest-ctl retry`.'),
  no_condition: passing('Use a store that knows If-None-Match, or a bucket without versions.'),
  prefix_taken: passing('Name another prefix in --publish, or do what the sentence says.'),
  bucket_older: passing(
    'Restore the bucket. If it is lost, name another prefix in --publish: files that are still in the warehouse are published there.',
  ),
  marker_gone: passing('Wait: it is looked at again.'),
  low_space: passing('Free some space there, or lower the watermark that the sentence names.'),
  low_inodes: passing('Remove small files there, or lower --min-free-inodes.'),
  state_unchecked: passing('Wait: it opens by itself when every page of the state has been read.'),
  unloadable: passing(
    'Correct the module: the gate opens by itself when it can be loaded. Where the chain is wrong, in the configuration or in its own file, correct it and restart the service.',
  ),
  paused: held('An operator closed the stage; `ingest-ctl resume` opens it, or the end that the pause names.'),
  sidecar_unreadable: passing('Give read permission on the sidecar; if it is held by then, run `ingest-ctl retry`.'),
  eio: passing('Look at the kernel log and the disk; if the file is held by then, run `ingest-ctl retry`.'),
};

/** An error that a person can act on: one sentence with option or path, rule, value and next step. No stack is shown. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
  constructor(
    /** A key of the catalogue, lower_snake_case. */
    readonly code: string,
    /** The whole sentence, with what to do next. */
    message: string,
    readonly exitCode: ExitCode = EXIT.usage,
  ) {
    super(message);
  }
}

/** The environment cannot be used (exit code 3): a supervisor does not restart the process for it. */
export class EnvironmentError extends OperatorError {
  override readonly name = 'EnvironmentError';
  constructor(code: string, message: string) {
    super(code, message, EXIT.environment);
  }
}

/** The error as an operator sees it, if it is one. The queue has a class of its own: it imports nothing from here. */
export function asOperatorError(error: unknown): { code: string; message: string; exitCode: ExitCode } | undefined {
  if (error instanceof OperatorError) return error;
  if (!(error instanceof Error)) return undefined;
  if ((error as NodeJS.ErrnoException).syscall === 'uv_cwd')
    return new EnvironmentError('directory_missing', 'the current directory was removed: change to another one.');
  if (isDamage(error)) return { ...damaged('the state', sqlCodeOf(error)), exitCode: EXIT.environment };
  const { code, exitCode } = error as Error & { code?: unknown; exitCode?: unknown };
  if (typeof code !== 'string' || exitCode !== EXIT.environment) return undefined;
  return { code, message: error.message, exitCode };
}
