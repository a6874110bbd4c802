/** The differences that an audit reports, each with its name and remedy. Pure. */
import { nameOfBytes, shownName } from '../../linux/index.js';

export interface Difference {
  kind: DifferenceKind;
  feed: string;
  /** The file, or the position in a manifest, that differs. */
  at: string;
  what: string;
  /** The remedy. */
  remedy: string;
  sha256?: string;
  ingest_id?: string;
  /** For a missing, torn or edited line: the line in the ledger. */
  line?: string;
}

export type Report = (difference: Difference) => void;

const REMEDIES = {
  wrong_bytes: 'restore it from a backup, or by hand from a second delivery (which ends in duplicates/)',
  unreadable: 'check its permissions, who writes to it, and the disk; then audit again',
  file_missing: 'if no consumer took it, restore it from a backup',
  file_unknown: 'remove it, or count it as known',
  file_renamed: 'rename it back',
  line_missing: 'restore the line from a backup of the manifest (--json has it)',
  line_twice: 'stop ingest and remove one of the two',
  line_torn: 'restore the whole line from a backup (--json has it where the ledger knows it)',
  line_edited: 'put back what the ledger says (--json has the line)',
  line_and_row_differ: 'compare both with a backup: the file cannot say which of the two is right',
  correction_missing: 'restore corrections.jsonl of that hour from a backup',
  corrected_but_there: 'look at it, then `ingest-ctl withdraw PATH --reason WHY` again, or move it away',
  manifest_missing: 'put the file back, also compressed or under a rotated name',
  row_missing: 'stop ingest and run `ingest-ctl rebuild`: else its content would go in again',
  row_changed: 'restore the state from a backup, or move it away and run `ingest-ctl rebuild`',
  orphan: 'start ingest: a file whose name is of a job gets a job again; move any other away',
  sealed_file_missing: 'put the file back, or `ingest-ctl discard JOBID` once it is held',
  stored_twice: '`ingest-ctl withdraw` one of the two, at its host',
  shared_row_missing:
    'stop ingest and run `ingest-ctl host join` with the name of this host: everything is recorded again',
  shared_row_unknown: 'restore the state, or free it: `ingest-ctl host join` with the name of this host, and --yes',
  object_missing:
    'restore it with its metadata from a backup; else `ingest-ctl withdraw` its content, then allow-again, and deliver it again',
  object_differs: 'find out who wrote it; only one ingestor may write below a prefix',
  object_unknown:
    'search the lines in _manifests/ for its ingest id; if none has it, its publication was given up, or a late request brought it: remove it',
  bucket_unread: 'start ingest, which reads them, and audit again: until then no object is called unknown',
  left_over: 'remove it, if no other ingestor has this warehouse too',
};

export type DifferenceKind = keyof typeof REMEDIES;

export const difference = (
  kind: DifferenceKind,
  feed: string,
  at: string,
  what: string,
  more: Partial<Difference> = {},
): Difference => ({ kind, feed, at, what, remedy: REMEDIES[kind], ...more });

export const textOf = ({ kind, at, what, remedy }: Difference): string =>
  `${kind.padEnd(19)} ${at}: ${what}; ${remedy}`;

export const shownPath = (path: Buffer): string => shownName(nameOfBytes(path));
