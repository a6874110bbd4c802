/** Hours and days that are over, and whose `_SUCCESS` does not come: for which file. */
import type { QueueView } from '../../queue/index.js';
import type { PeriodRow } from '../periods/period.js';
import { WAITS_LONG_MS, waitingPeriods } from '../periods/waiting.js';
import { type Finding, iso } from './finding.js';

const TOLD_MAX = 10;

export function periodFindings(view: QueueView, nowMs = Date.now()): Finding[] {
  const feeds = view.feeds().filter(({ options }) => options.successMarkers === true);
  if (feeds.length === 0) return [];
  return waitingPeriods(view, TOLD_MAX)
    .filter(({ changedMs }) => nowMs - changedMs >= WAITS_LONG_MS)
    .map((period) => {
      const isIn = (root: unknown): boolean => period.folder.startsWith(`${root}/`);
      const feed = feeds.find(({ options }) => isIn(options.manifests) || isIn(options.warehouse))?.name ?? '*';
      return {
        ...{ code: 'period_waits', severity: 'notice' as const, feed, stage: '*', files: period.waitsJob ? 1 : 0 },
        sentence: `${period.folder} is over and has no _SUCCESS yet: it waits for ${whatFor(view, period)}.`,
        release: 'it is written by itself when that is settled; ingest-ctl explain says what becomes of a file',
        since: iso(period.changedMs),
      };
    });
}

function whatFor(view: QueueView, { waitsJob, waitsWhy }: PeriodRow): string {
  if (waitsJob === null) return waitsWhy ?? '';
  const job = view.job(waitsJob);
  if (!job) return `job ${waitsJob}`;
  const how = job.holdCode === null ? `is ${job.state} in ${job.stage}` : `is held (${job.holdCode})`;
  return `${job.key.toString('utf8')} (job ${job.id}), which ${how}`;
}
