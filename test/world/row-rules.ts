/**
 * The part of the oracle that judges rows: compares the database with the disk.
 * Does not: report again what the rules for the disk report (oracle.ts).
 */
import { hasEnded } from '../../src/ingest/ledger/content.js';
import { shownName } from '../../src/linux/names.js';
import { isCarryingStage } from './carriers.js';
import type { DatabaseSurvey, JobRow, LedgerRow } from './database.js';
import { contentOf, type DifferenceKind, type Expected } from './oracle.js';
import type { LineSeen, Survey } from './survey.js';

type Tell = (kind: DifferenceKind, what: string) => void;

export function rows(
  database: DatabaseSurvey,
  seen: Survey,
  standing: readonly LineSeen[],
  expected: Expected,
  tell: Tell,
): void {
  carriers(database, tell);
  for (const what of database.depthsOff) tell('row_differs', what);
  for (const what of database.unnamed)
    tell('row_differs', `${what} is planned, not stored, and does not have its name`);
  if (!expected.settled) return;
  unfinished(database, expected, tell);
  ledger(database, seen, standing, tell);
  counters(database, standing, tell);
}

/** Like `contentOf` for its line. */
const rowOf = ({ sha256, generation }: LedgerRow): string => `content ${sha256} generation ${generation}`;

/** A content has one carrier, and one that still exists until it is stored. */
function carriers({ jobs, ledger }: DatabaseSurvey, tell: Tell): void {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const contents = new Map(ledger.map((content) => [content.row, content]));
  for (const job of jobs.filter(carries)) {
    const content = contents.get(job.payload.content!);
    if (!content) tell('row_differs', `the job ${job.id} carries a content that the ledger does not have`);
    else if (content.carrier !== job.id)
      tell('row_differs', `the content ${content.sha256} has two carriers: ${content.carrier} and ${job.id}`);
  }
  for (const { state, carrier, sha256 } of ledger) {
    const job = byId.get(carrier);
    if (!hasEnded({ state }) && (!job || job.state === 'done'))
      tell('row_differs', `the content ${sha256} is ${state}, and nobody carries it`);
  }
}

/** A job carries its content from the ledger's answer until it is decided where its file is put away. */
const carries = ({ state, stage, payload }: JobRow): boolean =>
  state !== 'done' &&
  state !== 'waiting' &&
  isCarryingStage(stage) &&
  payload.content !== undefined &&
  !payload.putAway;

function unfinished({ jobs, openAppends }: DatabaseSurvey, expected: Expected, tell: Tell): void {
  for (const job of jobs.filter(({ state }) => state !== 'done')) {
    // The twins of a held content wait for it, correctly.
    const byRight = (job.state === 'held' || job.state === 'waiting') && expected.held.has(job.payload.sha256 ?? '');
    if (byRight || (job.state === 'held' && job.payload.sha256 === undefined && expected.held.size > 0)) continue;
    const why = [job.hold_code ?? job.waits_on, job.reason].filter(Boolean).join(': ');
    tell(
      'stuck',
      `the job ${job.id} of ${shownName(job.key)} is ${job.state} in ${job.stage}${why ? ` (${why})` : ''}`,
    );
  }
  for (const file of openAppends) tell('stuck', `an append to ${file} was never confirmed`);
}

function ledger({ ledger, pruned }: DatabaseSurvey, seen: Survey, standing: readonly LineSeen[], tell: Tell): void {
  const stored = new Map(ledger.filter(hasEnded).map((content) => [rowOf(content), content]));
  const gone = new Map(pruned.map((content) => [rowOf(content), content]));
  const lines = new Map(standing.map((line) => [contentOf(line), line]));
  for (const [of, line] of lines) {
    const digest = line.record!.sha256;
    const there = seen.warehouse.some((f) => f.path === line.target && f.sha256 === digest);
    const row = stored.get(of);
    if (gone.has(of)) continue;
    if (there && !row) tell('row_differs', `${digest} is in the warehouse, and the ledger does not say stored`);
    else if (there && row?.target !== line.target)
      tell('row_differs', `${digest}: the ledger names another file than its line`);
  }
  for (const [of, { sha256: digest, state }] of [...stored, ...gone]) {
    // A file without a line is reported as such.
    if (state !== 'withdrawn' && !lines.has(of) && !seen.warehouse.some((f) => f.sha256 === digest))
      tell('row_differs', `${digest} is stored by the ledger alone`);
  }
}

/** If rows and lines agree on what is stored, the counter must too: it counts in the transaction in which the ledger says so. */
function counters({ ledger, counters }: DatabaseSurvey, standing: readonly LineSeen[], tell: Tell): void {
  const all = ledger.filter(hasEnded);
  const lines = new Set(standing.map(contentOf));
  // A content that was taken out again was stored before.
  const withLine = all.filter(({ state }) => state !== 'withdrawn');
  if (withLine.length !== lines.size || withLine.some((content) => !lines.has(rowOf(content)))) return;
  const counted = counters.filter((c) => c.name === 'stored');
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
  const [files, bytes, size] = [
    sum(counted.map((c) => c.files)),
    sum(counted.map((c) => c.bytes)),
    sum(all.map((c) => c.size)),
  ];
  if (files !== all.length || bytes !== size) {
    tell(
      'counter_differs',
      `stored counts ${files} files and ${bytes} bytes; the ledger has ${all.length} and ${size}`,
    );
  }
}
