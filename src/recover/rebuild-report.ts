/** What a rebuild tells of a feed: what it found, and what nobody can know any more. */
import type { FeedOptions } from '../config/options.js';
import type { ReadLine } from '../manifest/read.js';
import { safeText } from '../telemetry/safe.js';
import { type Counts, noCounts } from './rebuild-ledger.js';
import type { Noted, Sidecars } from './rebuild-sealed.js';

const FOREIGN_TOLD_MAX = 20;

export interface FeedReport {
  files: number;
  counts: Counts;
  sealed: Noted;
  sidecars: Sidecars;
  orphans: number;
  discarded: number;
  otherFeeds: Set<string>;
  foreignTold: string[];
  foreignCount: number;
  foreign(path: string, line: Extract<ReadLine, { record: undefined }>): void;
}

export function noReport(): FeedReport {
  return {
    ...{ files: 0, orphans: 0, discarded: 0, foreignCount: 0, foreignTold: [], otherFeeds: new Set() },
    counts: noCounts(),
    sealed: { files: 0, unreadable: 0 },
    sidecars: { back: 0, failed: 0 },
    foreign(path, { at, bytes, torn }) {
      this.foreignCount++;
      if (this.foreignTold.length >= FOREIGN_TOLD_MAX) return;
      const what = torn
        ? 'a line that was cut short: its file is ingested again, with a new line'
        : 'no record of ours: it is kept as it is';
      this.foreignTold.push(`${path}, from byte ${at}: ${bytes} bytes are ${what}`);
    },
  };
}

export function tellFeed(feed: FeedOptions, report: FeedReport, say: (line: string) => void): void {
  const { counts, sealed, sidecars } = report;
  const tell = (line: string): void => say(safeText(`  ${line}`));
  const tellIf = (count: number, line: string): void => {
    if (count > 0) tell(`${count} ${line}`);
  };
  say(safeText(`feed ${feed.name}: ${counts.lines} records in ${report.files} manifest files`));
  tell(`${counts.stored} stored, their files are in the warehouse`);
  tellIf(counts.unconfirmed, 'stored, but not in the warehouse (any more): a consumer took them, or they are missed');
  tellIf(counts.elsewhere, 'stored in another warehouse than this one, not looked for');
  tellIf(counts.manifested, 'with a line and still in underprocess/: they go on to the warehouse');
  tellIf(counts.withdrawn, 'withdrawn by corrections: their contents are free');
  tellIf(counts.repeated, 'with the content of another record: counted once');
  tellIf(report.orphans, 'without a line in underprocess/: they go through hash again');
  tellIf(report.discarded, 'discarded before: they are put away to failed/');
  tellIf(sealed.unreadable, 'unreadable in underprocess/: their jobs are going to say why');
  tellIf(sidecars.back, 'sealed as a sidecar without its file: put back beside it into the input');
  tellIf(sidecars.failed, 'sealed as the sidecar of a version that is gone: moved to failed/');
  for (const line of report.foreignTold) tell(line);
  tellIf(report.foreignCount - report.foreignTold.length, 'more such places');
  if (report.otherFeeds.size > 0) {
    const names = [...report.otherFeeds].join(', ');
    tell(
      `its manifests also have records of ${names}: if those are feeds of this state, rebuild again naming all of them`,
    );
  }
  if (counts.unconfirmed + report.orphans > 0) {
    tell(
      'not known any more: attempts, held files and their reasons (they are held again when it is still so), pauses',
    );
  }
}
