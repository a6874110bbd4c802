/** The report of a rebuild about a feed: what it found, and what cannot be known any more. */
import type { FeedOptions } from '../../base/config/options.js';
import { typed } from '../../base/shell.js';
import { safeText } from '../../base/telemetry/safe.js';
import type { ReadLine } from '../../ingest/manifest/read.js';
import { type Counts, noCounts } from './ledger.js';
import { noOlderJobs, type OlderJobs } from './state/older.js';

const FOREIGN_TOLD_MAX = 20;

export const noReport = () => ({
  files: 0,
  counts: noCounts(),
  sealed: { files: 0, unreadable: 0 },
  sidecars: { back: 0, failed: 0 },
  orphans: 0,
  discarded: 0,
  otherFeeds: [] as string[],
  foreignShown: [] as string[],
  foreignCount: 0,
  olderJobs: noOlderJobs(),
});
export type FeedReport = ReturnType<typeof noReport>;

export function addCounts(to: Counts, more: Counts): void {
  for (const name of Object.keys(noCounts()) as (keyof Counts)[]) to[name] += more[name];
}

export function noteForeign(
  report: FeedReport,
  path: string,
  { at, bytes, torn }: Extract<ReadLine, { record: undefined }>,
): void {
  report.foreignCount++;
  if (report.foreignShown.length >= FOREIGN_TOLD_MAX) return;
  const what = torn
    ? 'a line that was cut short: its file is ingested again, with a new line'
    : 'no record of ours: it is kept as it is';
  report.foreignShown.push(`${path}, from byte ${at}: ${bytes} bytes are ${what}`);
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

type Say = (line: string) => void;

export function printFeed(feed: FeedOptions, report: FeedReport, isOlder: boolean, say: Say): void {
  const { counts } = report;
  const line = (text: string): void => say(safeText(`  ${text}`));
  const lineIf = (count: number, text: string): void => {
    if (count > 0) line(`${count} ${text}`);
  };
  say(safeText(`feed ${feed.name}: ${counted(counts.lines, 'record')} in ${counted(report.files, 'manifest file')}`));
  lineIf(counts.known, 'already in the older state');
  lineIf(
    counts.absent,
    'stored as the older state has it, but not in the warehouse (any more): a consumer took them, the warehouse was replaced since, or they are missed',
  );
  line(`${counts.stored} stored, their files are in the warehouse`);
  lineIf(counts.unconfirmed, 'stored, but not in the warehouse (any more): a consumer took them, or they are missed');
  lineIf(counts.elsewhere, 'stored in another warehouse than this one, not looked for');
  lineIf(counts.manifested, 'with a line and still in underprocess/: they go on to the warehouse');
  lineIf(counts.withdrawn, 'withdrawn by corrections: their contents are free');
  lineIf(counts.repeated, 'with the content of another record: counted once');
  lineIf(report.orphans, 'without a line in underprocess/: they go through hash again');
  lineIf(report.discarded, 'discarded before: they are put away to failed/');
  lineIf(report.sealed.unreadable, 'unreadable in underprocess/: their jobs are going to say why');
  lineIf(report.sidecars.back, 'sealed as a sidecar without its file: put back beside it into the input');
  lineIf(report.sidecars.failed, 'sealed as the sidecar of a version that is gone: moved to failed/');
  if (isOlder) printJobs(report.olderJobs, lineIf);
  report.foreignShown.forEach(line);
  lineIf(report.foreignCount - report.foreignShown.length, 'more such places');
  if (report.otherFeeds.length > 0) {
    const names = report.otherFeeds.join(', ');
    line(
      `its manifests also have records of ${names}: if those are feeds of this state, rebuild again naming all of them`,
    );
  }
}

function printJobs(jobs: OlderJobs, lineIf: (count: number, line: string) => void): void {
  lineIf(jobs.kept, `jobs of the older state are as they were${jobs.held > 0 ? `, ${jobs.held} of them held` : ''}`);
  lineIf(jobs.movedOn, 'jobs of the older state go on with what was found of their files');
  lineIf(jobs.ended, 'jobs of the older state have ended since (stored, duplicate or discarded)');
}

/** Printed at every rebuild, so that an operator knows what is missing. `since`: the time of the older state. */
export function printUnknown(reports: readonly FeedReport[], since: number | undefined, say: Say): void {
  const sum = (of: (report: FeedReport) => number): number => reports.reduce((n, report) => n + of(report), 0);
  const when = since === undefined ? '' : `, of the time after ${new Date(since).toISOString()}`;
  say(`What nobody can know any more${when}:`);
  const files = sum(({ sealed }) => sealed.files);
  say(
    `  how often files were tried, and why they were held: the ${counted(files, 'file')} in underprocess/ and those in the input are tried again, and held again if the cause is still there`,
  );
  say(
    '  pauses that were set or lifted: `queue-stat` shows those that are there, ingest-ctl pause and resume change them',
  );
  say('  contents that were made known by learn: run `ingest-ctl learn DIR` again');
  say('  discards that were decided and not yet carried out, and counters of duplicates and attempts');
  const unconfirmed = sum(({ counts }) => counts.unconfirmed + counts.elsewhere + counts.absent);
  if (unconfirmed > 0)
    say(
      `  where ${unconfirmed} files are that have a line and are not in the warehouse: ${typed('ingest-ctl audit')} names them (a warehouse that was replaced since, and is still empty: run ingest-ctl replace-warehouse again)`,
    );
  const foreign = sum(({ foreignCount }) => foreignCount);
  if (foreign > 0) say(`  what ${foreign} places in manifests meant that are no records`);
  say('  contents whose lines were taken out of the manifests: they would be ingested again');
}
